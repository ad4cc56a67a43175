using LoraSharp.Data;

namespace LoraSharp.Training;

/// <summary>The options of every trainer: transformers' TrainingArguments, with its defaults where nothing else is said.</summary>
public record TrainingOptions
{
    /// <summary>Where checkpoints and logs go. Must be set.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>Passes over the data; fractions are allowed. Default: 3.</summary>
    public double Epochs { get; init; } = 3;

    /// <summary>Optimizer steps in all; above 0 it wins over <see cref="Epochs"/>. Default: −1.</summary>
    public int MaxSteps { get; init; } = -1;

    /// <summary>Rows per forward pass. Default: 8.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Rows per forward pass in evaluation. Default: 8.</summary>
    public int EvalBatchSize { get; init; } = 8;

    /// <summary>Forward passes per optimizer step. Default: 1.</summary>
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>The peak learning rate. Default: 5e-5.</summary>
    public double LearningRate { get; init; } = 5e-5;

    /// <summary>How the rate changes. Default: linear.</summary>
    public SchedulerType Scheduler { get; init; } = SchedulerType.Linear;

    /// <summary>Arguments of the schedule. Default: its own defaults.</summary>
    public SchedulerOptions? SchedulerOptions { get; init; }

    /// <summary>Warm-up steps; below 1: a share of all steps. Default: 0.</summary>
    public double WarmupSteps { get; init; }

    /// <summary>The optimizer. Default: AdamW.</summary>
    public OptimizerType Optimizer { get; init; } = OptimizerType.AdamW;

    /// <summary>Arguments of the optimizer (β₁ 0.9, β₂ 0.999, ε 1e-8 for AdamW). Default: its own defaults.</summary>
    public OptimizerOptions? OptimizerOptions { get; init; }

    /// <summary>Decay of matrices; never of biases and norms. Default: 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The gradients' norm is cut to this; 0 only measures it. Default: 1.</summary>
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Share of the target that is spread over the whole vocabulary. Default: 0.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>The type that matrix products are computed in. Default: none, the model's own types.</summary>
    public MixedPrecision Precision { get; init; }

    /// <summary>Recomputes each layer in the backward pass instead of keeping its activations: less memory, about a third more time. Default: false.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>
    /// With <see cref="GradientCheckpointing"/>: only so many layers, the first ones of each stack, are recomputed; the others keep their activations. The fewer, the faster a step and the larger its memory.
    /// Default: null, all layers.
    /// </summary>
    public int? CheckpointedLayers { get; init; }

    /// <summary>
    /// Gives memory that is free between steps back to the system (Linux). Allocations of many sizes leave holes, and the resident memory grows by some tenths over the first steps; with this
    /// it stays at what a step needs, for 3 to 4 % more time. Default: false.
    /// </summary>
    public bool TrimMemory { get; init; }

    /// <summary>Order of the rows. Default: random.</summary>
    public SamplingStrategy Sampling { get; init; } = SamplingStrategy.Random;

    /// <summary>Fixes everything that is random. Default: 42.</summary>
    public int Seed { get; init; } = 42;

    /// <summary>Fixes the order of the rows alone. Default: null, <see cref="Seed"/>.</summary>
    public int? DataSeed { get; init; }

    /// <summary>Leaves out a last batch that is not full. Default: false.</summary>
    public bool DropLast { get; init; }

    /// <summary>When to log. Default: by steps.</summary>
    public StepStrategy LoggingStrategy { get; init; } = StepStrategy.Steps;

    /// <summary>Optimizer steps between log entries. Default: 500.</summary>
    public int LoggingSteps { get; init; } = 500;

    /// <summary>Logs the first step as well. Default: false.</summary>
    public bool LoggingFirstStep { get; init; }

    /// <summary>When to evaluate. Default: never.</summary>
    public StepStrategy EvalStrategy { get; init; }

    /// <summary>Optimizer steps between evaluations. Default: null, <see cref="LoggingSteps"/>.</summary>
    public int? EvalSteps { get; init; }

    /// <summary>No evaluation before this many steps, or epochs where the strategy goes by epochs. Default: 0.</summary>
    public double EvalDelay { get; init; }

    /// <summary>Evaluates before the first step as well. Default: false.</summary>
    public bool EvalOnStart { get; init; }

    /// <summary>When to save a checkpoint. Default: by steps.</summary>
    public StepStrategy SaveStrategy { get; init; } = StepStrategy.Steps;

    /// <summary>Optimizer steps between checkpoints. Default: 500.</summary>
    public int SaveSteps { get; init; } = 500;

    /// <summary>How many checkpoints are kept; the oldest go first, the best one and the latest stay. Default: null, all.</summary>
    public int? SaveTotalLimit { get; init; }

    /// <summary>Saves no state of optimizer, schedule and random generator: small checkpoints that no run can resume from. Default: false.</summary>
    public bool SaveOnlyModel { get; init; }

    /// <summary>
    /// Takes up the best checkpoint's weights when training ends. Saving must then go by the same strategy as evaluation, in steps that are a multiple of its steps, or by <see cref="StepStrategy.Best"/>.
    /// Default: false.
    /// </summary>
    public bool LoadBestModelAtEnd { get; init; }

    /// <summary>
    /// The metric of evaluations that says which checkpoint is best, with or without <c>eval_</c>. Default: null, <c>eval_loss</c> where something needs a metric (the best checkpoint, early stopping, schedules that a
    /// metric drives).
    /// </summary>
    public string? MetricForBestModel { get; init; }

    /// <summary>Whether a greater metric is better. Default: null, unless its name ends in <c>loss</c>.</summary>
    public bool? GreaterIsBetter { get; init; }

    /// <summary>Writes TensorBoard event files into <c>runs/</c> below the output directory. Default: false.</summary>
    public bool TensorBoard { get; init; }

    /// <summary>Objects that look at the run's events and steer it, called in this order. Default: none.</summary>
    public IReadOnlyList<TrainerCallback> Callbacks { get; init; } = [];

    /// <summary>Receives the state of the run after each optimizer step. Default: null.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    internal int ResolvedEvalSteps => EvalSteps ?? LoggingSteps;

    /// <summary>The full name of the metric that decides, or null where nothing needs one.</summary>
    internal string? ResolvedMetric
    {
        get
        {
            bool needed = LoadBestModelAtEnd || SaveStrategy == StepStrategy.Best || IsMetricDriven || Callbacks.Any(callback => callback is EarlyStoppingCallback);
            string? name = MetricForBestModel ?? (needed ? "eval_loss" : null);
            return name is null || name.StartsWith("eval_", StringComparison.Ordinal) ? name : "eval_" + name;
        }
    }

    internal bool ResolvedGreaterIsBetter => GreaterIsBetter ?? ResolvedMetric?.EndsWith("loss", StringComparison.Ordinal) == false;

    /// <summary>Whether only evaluations move the learning rate.</summary>
    internal bool IsMetricDriven => Scheduler is SchedulerType.ReduceLrOnPlateau or SchedulerType.Greedy;

    /// <summary>Checks all values before anything else happens.</summary>
    internal virtual void Validate()
    {
        if (string.IsNullOrWhiteSpace(OutputDirectory))
        {
            throw new TrainingException("OutputDirectory is empty; name the folder for checkpoints and logs.");
        }

        Require(!File.Exists(OutputDirectory), $"OutputDirectory '{OutputDirectory}' is a file; name a folder.");
        Require(MaxSteps > 0 || (double.IsFinite(Epochs) && Epochs > 0), $"Epochs is {Epochs} and MaxSteps is {MaxSteps}; one of them must be above 0.");
        Require(
            CheckpointedLayers is null || (GradientCheckpointing && CheckpointedLayers >= 1),
            $"CheckpointedLayers is {CheckpointedLayers} and GradientCheckpointing is {GradientCheckpointing}; set GradientCheckpointing with at least 1 layer, or neither.");
        Require(BatchSize >= 1, $"BatchSize is {BatchSize}; it must be at least 1.");
        Require(EvalBatchSize >= 1, $"EvalBatchSize is {EvalBatchSize}; it must be at least 1.");
        Require(GradientAccumulationSteps >= 1, $"GradientAccumulationSteps is {GradientAccumulationSteps}; it must be at least 1.");
        Require(double.IsFinite(LearningRate) && LearningRate >= 0, $"LearningRate is {LearningRate}; it must be a number of at least 0 (1e-4 is usual for adapters).");
        Require(double.IsFinite(WarmupSteps) && WarmupSteps >= 0, $"WarmupSteps is {WarmupSteps}; it must be a count of steps, or a share between 0 and 1.");
        Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, $"WeightDecay is {WeightDecay}; it must be at least 0.");
        Require(double.IsFinite(MaxGradNorm) && MaxGradNorm >= 0, $"MaxGradNorm is {MaxGradNorm}; it must be at least 0 (0: no clipping).");
        Require(LabelSmoothing is >= 0 and < 1, $"LabelSmoothing is {LabelSmoothing}; it must be at least 0 and less than 1.");
        Require(LoggingSteps >= 1, $"LoggingSteps is {LoggingSteps}; it must be at least 1.");
        Require(SaveSteps >= 1, $"SaveSteps is {SaveSteps}; it must be at least 1.");
        Require(EvalSteps is null or >= 1, $"EvalSteps is {EvalSteps}; it must be at least 1.");
        Require(double.IsFinite(EvalDelay) && EvalDelay >= 0, $"EvalDelay is {EvalDelay}; it must be a number of steps or epochs of at least 0.");
        Require(Callbacks is not null && Callbacks.All(callback => callback is not null), "Callbacks holds a null; give objects only.");
        Require(MetricForBestModel is not "", "MetricForBestModel is empty; name a metric (\"eval_loss\"), or leave it null.");
        Require(SaveTotalLimit is null or >= 1, $"SaveTotalLimit is {SaveTotalLimit}; it must be at least 1, or null to keep all.");
        ValidateEvaluation();
    }

    private void ValidateEvaluation()
    {
        Require(LoggingStrategy != StepStrategy.Best, "LoggingStrategy is Best, which is for saving only; use No, Steps or Epoch.");
        Require(EvalStrategy != StepStrategy.Best, "EvalStrategy is Best, which is for saving only; use No, Steps or Epoch.");
        Require(SaveStrategy != StepStrategy.Best || EvalStrategy != StepStrategy.No, "SaveStrategy is Best, but EvalStrategy is No; set it to Steps or Epoch, so that there is something to compare.");
        Require(!IsMetricDriven || EvalStrategy != StepStrategy.No, $"Scheduler {Scheduler} follows the evaluations, but EvalStrategy is No; set it to Steps or Epoch.");
        if (!LoadBestModelAtEnd || SaveStrategy == StepStrategy.Best)
        {
            return;
        }

        Require(EvalStrategy != StepStrategy.No, "LoadBestModelAtEnd needs evaluations, but EvalStrategy is No; set it to Steps or Epoch.");
        Require(SaveStrategy == EvalStrategy, $"LoadBestModelAtEnd needs checkpoints of what was evaluated, but SaveStrategy is {SaveStrategy} and EvalStrategy is {EvalStrategy}; set both to the same.");
        Require(
            EvalStrategy != StepStrategy.Steps || SaveSteps % ResolvedEvalSteps == 0,
            $"LoadBestModelAtEnd needs checkpoints of what was evaluated, but SaveSteps ({SaveSteps}) is not a multiple of EvalSteps ({ResolvedEvalSteps}).");
    }

    private protected static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new TrainingException(message);
        }
    }
}
