using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>
/// What one adapter does to one linear layer: the contract of a method. A method that is new implements this and nothing else about linear layers.
/// </summary>
internal abstract class LinearAdapter : nn.Module
{
    protected LinearAdapter(string name)
        : base(name)
    {
    }

    /// <summary>Adds this adapter's effect to the layer's output so far.</summary>
    /// <param name="x">The layer's input (..., in).</param>
    /// <param name="output">The output so far (..., out): the base's, and that of adapters before this one.</param>
    /// <param name="layer">The base layer.</param>
    public abstract Tensor Apply(Tensor x, Tensor output, Linear layer);

    /// <summary>The base layer's output and this adapter's effect as one autograd node, or null where the method has no such path.</summary>
    public virtual Tensor? ApplyFused(Tensor x, Linear layer) => null;

    /// <summary>The update of the weight (out, in) in float32, for merging.</summary>
    public abstract Tensor DeltaWeight(Linear layer);

    /// <summary>The trained tensors under their names in an adapter file.</summary>
    public abstract IEnumerable<(string Key, Parameter Tensor)> FileTensors();
}
