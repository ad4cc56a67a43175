using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>An adapter that turns the weight of a linear layer: W·M, applied to the input in the forward pass (x·Mᵀ).</summary>
internal abstract class WeightTransform(string name) : LayerAdapter(name)
{
    public override bool ChangesInput => true;

    /// <summary>M (in, in) in float32.</summary>
    protected abstract Tensor Matrix(BaseLayer layer);

    /// <summary>x·Mᵀ for x (..., in).</summary>
    protected abstract Tensor Turn(Tensor x, BaseLayer layer);

    public override Tensor TransformInput(Tensor x, BaseLayer layer) => Turn(x.to(ScalarType.Float32), layer).to(x.dtype);

    public override Tensor Apply(Tensor x, Tensor output, BaseLayer layer) => output;

    public override Tensor Merge(Tensor weight, Tensor original, BaseLayer layer, bool roundUpdate) => weight.to(ScalarType.Float32).matmul(Matrix(layer));

    public override Tensor Unmerge(Tensor weight, BaseLayer layer) => weight.to(ScalarType.Float32).matmul(linalg.inv(Matrix(layer))).to(weight.dtype);
}
