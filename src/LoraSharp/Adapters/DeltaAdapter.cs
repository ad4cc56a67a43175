using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>An adapter that adds an update to the weight: y = W·x + ΔW·x.</summary>
internal abstract class DeltaAdapter : LayerAdapter
{
    protected DeltaAdapter(string name)
        : base(name)
    {
    }

    /// <summary>The update in float32, shaped as <see cref="BaseLayer.Shape"/>; recorded by autograd.</summary>
    public abstract Tensor Delta(BaseLayer layer);

    public override Tensor Apply(Tensor x, Tensor output, BaseLayer layer)
    {
        Tensor delta = Delta(layer);
        return output + layer.Operate(x.is_floating_point() ? x.to(delta.dtype) : x, delta, null).to(output.dtype);
    }

    public override Tensor Merge(Tensor weight, Tensor original, BaseLayer layer, bool roundUpdate)
    {
        Tensor delta = Delta(layer);
        return roundUpdate ? weight + delta.to(weight.dtype) : weight.to(delta.dtype) + delta;
    }

    public override Tensor Unmerge(Tensor weight, BaseLayer layer) => weight - Delta(layer).to(weight.dtype);
}
