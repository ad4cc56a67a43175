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

    /// <summary>Rows to evaluate on, under a name where there are several sets.</summary>
    public virtual IReadOnlyList<EvalSet> EvalSets => [];

    /// <summary>Length of each row, for grouping by length.</summary>
    public abstract IReadOnlyList<int> Lengths { get; }

    /// <summary>A batch of these rows.</summary>
    public abstract Batch Collate(IReadOnlyList<int> rows);

    /// <summary>A batch of rows to evaluate on.</summary>
    public virtual Batch Collate(IReadOnlyList<TokenizedRow> rows) => throw new InvalidOperationException("This task has no evaluation rows.");

    /// <summary>Σ of the losses of a batch's labels, weighed, as a scalar to differentiate.</summary>
    public abstract Tensor Loss(Batch batch, LossWeight weight, out TokenMetrics metrics);

    /// <summary>Writes what was trained (and its tokenizer) into a folder that exists.</summary>
    public abstract void Save(string folder);

    /// <summary>Takes up what <see cref="Save"/> wrote.</summary>
    public abstract void Load(string folder);
}
