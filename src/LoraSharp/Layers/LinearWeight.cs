using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// The weight of a linear layer in whatever form it is held (dense, 4-bit, ...). Adapters and training know a base layer only through this contract.
/// </summary>
public abstract class LinearWeight : IDisposable
{
    /// <summary>Creates the weight of a layer with these sizes.</summary>
    protected LinearWeight(long outFeatures, long inFeatures)
    {
        OutFeatures = outFeatures;
        InFeatures = inFeatures;
    }

    /// <summary>Rows of the weight matrix.</summary>
    public long OutFeatures { get; }

    /// <summary>Columns of the weight matrix.</summary>
    public long InFeatures { get; }

    /// <summary>Type in which the weight stands for a number: its own type when dense, the original one when quantised.</summary>
    public abstract ScalarType Dtype { get; }

    /// <summary>The weight as a trainable tensor, or null where its form cannot be trained.</summary>
    public virtual Parameter? Parameter => null;

    /// <summary>Elements as PEFT counts them: a 4-bit weight counts twice its stored bytes.</summary>
    public virtual long CountedElements => OutFeatures * InFeatures;

    /// <summary>Bytes that the weight occupies.</summary>
    public abstract long Bytes { get; }

    /// <summary>x (..., in) → x·Wᵀ + bias (..., out), in x's type. Records nothing for autograd unless the weight itself is trainable.</summary>
    public abstract Tensor Forward(Tensor x, Tensor? bias);

    /// <summary>Gradient to the input: gradOutput (..., out) → gradOutput·W (..., in), in gradOutput's type.</summary>
    public abstract Tensor BackwardInput(Tensor gradOutput);

    /// <summary>A dense copy (out, in).</summary>
    public abstract Tensor Dequantize(ScalarType dtype);

    /// <summary>
    /// Adds a delta (out, in; any floating type) to the weight in place: the sum is formed in float32, then rounded or quantised once.
    /// </summary>
    public abstract void Add(Tensor delta);

    /// <summary>What is needed to put the weight back bit for bit after <see cref="Add"/>.</summary>
    public abstract LinearWeight Clone();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory of the weight.</summary>
    protected abstract void Dispose(bool disposing);
}
