using LoraSharp.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// Root-mean-square normalisation (Zhang and Sennrich 2019): w · x / sqrt(mean(x²) + eps), the quotient formed in float32. With a unit offset the factor is
/// 1 + w, and the product is formed in float32 as well (Gemma).
/// </summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double _eps;
    private readonly bool _unitOffset;

    /// <summary>Takes over a weight (features).</summary>
    public RmsNorm(Parameter weight, double eps, bool unitOffset = false)
        : base(nameof(RmsNorm))
    {
        ArgumentNullException.ThrowIfNull(weight);
        this.weight = (Parameter)weight.DetachFromDisposeScope();
        _eps = eps;
        _unitOffset = unitOffset;
        register_parameter("weight", weight);
    }

    /// <summary>The weight (features).</summary>
    public Parameter Weight => weight;

    /// <summary>The same layer over another weight.</summary>
    internal RmsNorm WithWeight(Parameter other) => new(other, _eps, _unitOffset);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (KernelRows.Accepts(input) && weight.dtype == input.dtype)
        {
            return RmsNormFunction.Apply(input, weight, (float)_eps, _unitOffset);
        }

        using var scope = NewDisposeScope();
        Tensor x = input.to(ScalarType.Float32);
        Tensor normalized = x * (x.square().mean([-1], keepdim: true) + _eps).rsqrt();
        Tensor result = _unitOffset
            ? (normalized * (weight.to(ScalarType.Float32) + 1)).to(input.dtype)
            : weight * normalized.to(input.dtype);
        return result.MoveToOuterDisposeScope();
    }
}
