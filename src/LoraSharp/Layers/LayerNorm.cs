using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Layer normalisation (Ba et al. 2016) over the last dimension: weight · (x − mean) / sqrt(variance + eps) + bias.</summary>
internal sealed class LayerNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly double _eps;

    /// <summary>Takes over a weight (features), or one row for each head (heads, features) for inputs (..., heads, features), and a bias or none.</summary>
    public LayerNorm(Parameter weight, Parameter? bias, double eps)
        : base(nameof(LayerNorm))
    {
        ArgumentNullException.ThrowIfNull(weight);
        this.weight = (Parameter)weight.DetachFromDisposeScope();
        _eps = eps;
        register_parameter("weight", weight);
        if (bias is not null)
        {
            this.bias = (Parameter)bias.DetachFromDisposeScope();
            register_parameter("bias", bias);
        }
    }

    /// <summary>The weight.</summary>
    public Parameter Weight => weight;

    /// <summary>The bias, or null.</summary>
    public Parameter? Bias => bias;

    /// <summary>The same layer over other parameters.</summary>
    internal LayerNorm WithParameters(Parameter otherWeight, Parameter? otherBias) => new(otherWeight, otherBias, _eps);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        long[] features = [input.shape[^1]];
        if (weight.dim() == 1)
        {
            return nn.functional.layer_norm(input, features, weight, bias!, _eps);
        }

        using var scope = NewDisposeScope();
        Tensor scaled = nn.functional.layer_norm(input, features, null!, null!, _eps) * weight;
        return (bias is null ? scaled : scaled + bias).MoveToOuterDisposeScope();
    }
}
