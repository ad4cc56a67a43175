using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Vera;

/// <summary>VeRA on a linear layer: W + diag(λb)·B·diag(λd)·A with the first rows of B and columns of A.</summary>
internal sealed class VeraLayer : DeltaAdapter
{
    private readonly Parameter vera_lambda_b;
    private readonly Parameter vera_lambda_d;
    private readonly Tensor _a;
    private readonly Tensor _b;
    private readonly double _dropout;

    public VeraLayer(BaseLayer layer, SharedTensors projections, VeraConfig config)
        : base(nameof(VeraLayer))
    {
        using var scope = NewDisposeScope();
        _dropout = config.Dropout;
        _a = projections.Tensors[0].Tensor.detach().narrow(1, 0, layer.InFeatures).DetachFromDisposeScope();
        _b = projections.Tensors[1].Tensor.detach().narrow(0, 0, layer.OutFeatures).DetachFromDisposeScope();
        vera_lambda_b = ParameterCopy.New(config.InitWeights ? zeros(layer.OutFeatures) : randn(layer.OutFeatures));
        vera_lambda_d = ParameterCopy.New(full(config.R, config.DInitial, dtype: ScalarType.Float32));
        register_parameter(nameof(vera_lambda_b), vera_lambda_b);
        register_parameter(nameof(vera_lambda_d), vera_lambda_d);
    }

    public override Tensor Delta(BaseLayer layer) => vera_lambda_b.unsqueeze(1) * _b.matmul(vera_lambda_d.unsqueeze(1) * _a);

    public override Tensor Apply(Tensor x, Tensor output, BaseLayer layer)
    {
        Tensor input = x.to(vera_lambda_d.dtype);
        if (training && _dropout > 0)
        {
            input = nn.functional.dropout(input, _dropout, training: true);
        }

        return output + (input.matmul(_a.t()) * vera_lambda_d).matmul(_b.t()).mul(vera_lambda_b).to(output.dtype);
    }

    public override IEnumerable<AdapterTensor> FileTensors() => [new("vera_lambda_b", vera_lambda_b), new("vera_lambda_d", vera_lambda_d)];

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _a.Dispose();
            _b.Dispose();
        }

        base.Dispose(disposing);
    }
}
