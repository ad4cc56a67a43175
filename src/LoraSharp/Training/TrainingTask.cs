using LoraSharp.Data;
using LoraSharp.Training.Losses;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>What is trained, on what, with which loss: everything that the training loop does not need to know about.</summary>
internal abstract class TrainingTask
{
    public abstract nn.Module Model { get; }

    /// <summary>Rows to train on.</summary>
    public abstract int Rows { get; }

    /// <summary>Rows to evaluate on; 0: none.</summary>
    public virtual int EvalRows => 0;

    /// <summary>Length of each row, for grouping by length.</summary>
    public abstract IReadOnlyList<int> Lengths { get; }

    /// <summary>A batch of these rows.</summary>
    public abstract Batch Collate(IReadOnlyList<int> rows);

    /// <summary>A batch of these evaluation rows.</summary>
    public virtual Batch CollateEval(IReadOnlyList<int> rows) => throw new InvalidOperationException("This task has no evaluation rows.");

    /// <summary>Σ of the losses of a batch's labels over the divisor, as a scalar to differentiate.</summary>
    public abstract Tensor Loss(Batch batch, double divisor, out TokenMetrics metrics);

    /// <summary>Writes what was trained (and its tokenizer) into a folder that exists.</summary>
    public abstract void Save(string folder);

    /// <summary>Takes up what <see cref="Save"/> wrote.</summary>
    public abstract void Load(string folder);
}
