using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>What callbacks see of a run.</summary>
public sealed class TrainerContext
{
    internal TrainerContext(TrainingOptions options, nn.Module model)
    {
        Options = options;
        Model = model;
        State = new TrainerState();
    }

    /// <summary>The run's options.</summary>
    public TrainingOptions Options { get; }

    /// <summary>The model that is trained.</summary>
    public nn.Module Model { get; }

    /// <summary>Where the run stands, and its log.</summary>
    public TrainerState State { get; internal set; }

    /// <summary>What the trainer is to do next.</summary>
    public TrainerControl Control { get; } = new();

    /// <summary>The optimizer; null outside training.</summary>
    public IOptimizer? Optimizer { get; internal set; }

    /// <summary>The learning-rate schedule; null outside training.</summary>
    public LearningRateSchedule? Schedule { get; internal set; }

    /// <summary>Figures of the last optimizer step; null before the first one.</summary>
    public TrainingProgress? Progress { get; internal set; }
}
