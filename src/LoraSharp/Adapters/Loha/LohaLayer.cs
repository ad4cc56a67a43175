using LoraSharp.Adapters.Lycoris;
using LoraSharp.Adapters.Bases;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Loha;

/// <summary>LoHa on one layer; with cores (t1, t2) each factor of a kernel is a small Tucker decomposition.</summary>
internal sealed class LohaLayer : LycorisAdapter
{
    private readonly (Parameter A, Parameter B, Parameter? Core)[] _factors;

    public LohaLayer(BaseLayer layer, int r, double alpha, LohaConfig config)
        : base(nameof(LohaLayer), alpha / r, config.RankDropout, config.ModuleDropout)
    {
        long[] shape = layer.Shape, kernel = shape[2..];
        long width = kernel.Aggregate(shape[1], (product, size) => product * size);
        bool effective = config.UseEffectiveConv2d && kernel.Any(size => size != 1);
        _factors = [Factor(1), Factor(2)];

        (Parameter, Parameter, Parameter?) Factor(int i)
        {
            // One zero matrix makes the product zero.
            bool zero = i == 2 && config.InitWeights;
            Parameter? core = effective ? Add($"hada_t{i}", false, [r, r, .. kernel]) : null;
            return effective
                ? (Add($"hada_w{i}_a", zero, r, shape[0]), Add($"hada_w{i}_b", false, r, shape[1]), core)
                : (Add($"hada_w{i}_a", zero, shape[0], r), Add($"hada_w{i}_b", false, r, width), null);
        }
    }

    protected override Tensor Update(BaseLayer layer)
    {
        Tensor[] factors = [.. _factors.Select(f => f.Core is { } core ? Tucker(core, f.A, f.B) : f.A.matmul(f.B))];
        return (factors[0] * factors[1]).view(layer.Shape);
    }
}
