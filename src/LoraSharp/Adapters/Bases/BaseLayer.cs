using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Bases;

/// <summary>
/// What adapter methods know of the layer that they change, whatever its kind: its weight as a matrix or kernel (out, in, kernel...; an embedding's as (vocabulary, dim)),
/// the operation that it does with a weight, and how its weight takes new values.
/// </summary>
internal abstract class BaseLayer
{
    /// <summary>The layer itself.</summary>
    public abstract nn.Module<Tensor, Tensor> Module { get; }

    /// <summary>Shape of the weight.</summary>
    public abstract long[] Shape { get; }

    /// <summary>Type in which the weight stands for a number.</summary>
    public abstract ScalarType Dtype { get; }

    /// <summary>The bias (out), or null.</summary>
    public virtual Parameter? Bias => null;

    /// <summary>The weight as a tensor that could be trained, or null where its form cannot be.</summary>
    public abstract Parameter? Parameter { get; }

    /// <summary>Whether the weight is held in a quantised form.</summary>
    public virtual bool IsQuantized => false;

    /// <summary>Whether an update is rounded to the weight's type before it is added, even where the sum could be rounded once (PEFT's embedding layer does so).</summary>
    public virtual bool RoundsUpdate => false;

    public long OutFeatures => Shape[0];

    public long InFeatures => Shape[1];

    /// <summary>The weight, dense and detached; may be the layer's own memory.</summary>
    public abstract Tensor Weight(ScalarType dtype);

    /// <summary>What the layer does, with another weight and bias; recorded by autograd.</summary>
    public abstract Tensor Operate(Tensor x, Tensor weight, Tensor? bias);

    /// <summary>Takes over new values of the weight, rounded or quantised as the layer holds it.</summary>
    public abstract void Assign(Tensor weight);

    /// <summary>
    /// Prepares a change of the weight. A weight that other layers share is replaced by one of this layer's own first.
    /// </summary>
    /// <param name="isShared">Whether other layers hold the same weight.</param>
    /// <param name="keep">Whether the old values are kept, to be restored bit for bit.</param>
    /// <returns>The old values, or null when they were not kept.</returns>
    public abstract WeightBackup? BeginChange(bool isShared, bool keep);
}

/// <summary>A weight as it was before a merge.</summary>
/// <param name="weight">The old values, as a float32 or finer dense tensor, for computations.</param>
/// <param name="restore">Puts them back into the layer.</param>
/// <param name="dispose">Frees them when they are no longer needed.</param>
internal sealed class WeightBackup(Func<ScalarType, Tensor> weight, Action restore, Action dispose) : IDisposable
{
    public Tensor Weight(ScalarType dtype) => weight(dtype);

    public void Restore() => restore();

    public void Dispose() => dispose();
}
