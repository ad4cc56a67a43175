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

    /// <summary>Whether the layer is in training mode: some forms compute differently then.</summary>
    public bool InTraining { get; internal set; }

    /// <summary>Mixed precision: the type that products are computed in and returned in, whatever the types of weight and input. Null: the types decide.</summary>
    public ScalarType? AutocastType { get; internal set; }

    /// <summary>x (..., in) → x·Wᵀ + bias (..., out), in x's type or <see cref="AutocastType"/>. Records nothing for autograd unless the weight itself is trainable.</summary>
    public abstract Tensor Forward(Tensor x, Tensor? bias);

    /// <summary>Gradient to the input: gradOutput (..., out) → gradOutput·W (..., in), in gradOutput's type or <see cref="AutocastType"/>.</summary>
    public abstract Tensor BackwardInput(Tensor gradOutput);

    /// <summary>A dense copy (out, in).</summary>
    public abstract Tensor Dequantize(ScalarType dtype);

    /// <summary>Takes over the values of a dense matrix (out, in): rounded to the weight's type, or quantised as they are.</summary>
    public abstract void Assign(Tensor dense);

    /// <summary>A copy: what is needed to put the weight back bit for bit after <see cref="Assign"/>.</summary>
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
