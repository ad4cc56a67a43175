using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Ia3;

/// <summary>Factors on a layer's outputs (weight rows and bias), or on its inputs (weight columns).</summary>
internal sealed class Ia3Layer : LayerAdapter
{
    private readonly Parameter ia3_l;
    private readonly bool _feedforward;

    public Ia3Layer(BaseLayer layer, bool feedforward, bool ones)
        : base(nameof(Ia3Layer))
    {
        _feedforward = feedforward;
        long features = feedforward ? layer.InFeatures : layer.OutFeatures;
        long[] shape = layer is ConvolutionBase convolution ? [1, features, .. convolution.KernelSize.Select(_ => 1L)] : feedforward ? [1, features] : [features, 1];
        using var scope = NewDisposeScope();
        ia3_l = ParameterCopy.New(ones ? torch.ones(shape) : randn(shape));
        register_parameter(nameof(ia3_l), ia3_l);
    }

    public override bool ChangesInput => _feedforward;

    public override Tensor TransformInput(Tensor x, BaseLayer layer) => _feedforward ? (x * Factor(layer)).to(x.dtype) : x;

    public override Tensor Apply(Tensor x, Tensor output, BaseLayer layer) => _feedforward ? output : (output * Factor(layer)).to(output.dtype);

    public override Tensor Merge(Tensor weight, Tensor original, BaseLayer layer, bool roundUpdate) => weight * ForWeight(weight);

    public override Tensor Unmerge(Tensor weight, BaseLayer layer) => (weight / ForWeight(weight)).to(weight.dtype);

    public override Tensor MergeBias(Tensor bias) => _feedforward ? bias : (bias * ia3_l.view(-1)).to(bias.dtype);

    public override Tensor UnmergeBias(Tensor bias) => _feedforward ? bias : (bias / ia3_l.view(-1)).to(bias.dtype);

    public override IEnumerable<AdapterTensor> FileTensors() => [new("ia3_l", ia3_l)];

    // A convolution's channels are the second dimension, a linear layer's features the last.
    private Tensor Factor(BaseLayer layer) => layer is ConvolutionBase ? ia3_l : ia3_l.view(-1);

    private Tensor ForWeight(Tensor weight)
    {
        var shape = new long[weight.dim()];
        Array.Fill(shape, 1);
        shape[_feedforward ? 1 : 0] = -1;
        return ia3_l.view(shape);
    }
}
