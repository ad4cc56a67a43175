using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Root-mean-square normalisation (Zhang and Sennrich 2019): w · x / sqrt(mean(x²) + eps), the quotient formed in float32.</summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double _eps;

    /// <summary>Takes over a weight (features).</summary>
    public RmsNorm(Parameter weight, double eps)
        : base(nameof(RmsNorm))
    {
        this.weight = (Parameter)weight.DetachFromDisposeScope();
        _eps = eps;
        register_parameter("weight", weight);
    }

    /// <summary>The weight (features).</summary>
    public Parameter Weight => weight;

    /// <summary>The same layer over another weight.</summary>
    internal RmsNorm WithWeight(Parameter other) => new(other, _eps);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        Tensor x = input.to(ScalarType.Float32);
        Tensor normalized = x * (x.square().mean([-1], keepdim: true) + _eps).rsqrt();
        return (weight * normalized.to(input.dtype)).MoveToOuterDisposeScope();
    }
}
