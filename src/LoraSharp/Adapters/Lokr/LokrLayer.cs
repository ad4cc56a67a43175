using LoraSharp.Adapters.Lycoris;
using LoraSharp.Adapters.Bases;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lokr;

/// <summary>LoKr on one layer: each factor whole or split into two matrices of the rank; a kernel belongs to the right factor.</summary>
internal sealed class LokrLayer : LycorisAdapter
{
    private readonly Parameter? _w1;
    private readonly (Parameter A, Parameter B)? _w1Split;
    private readonly Parameter? _w2;
    private readonly (Parameter A, Parameter B)? _w2Split;
    private readonly Parameter? _core;
    private readonly long[] _rightShape;

    public LokrLayer(BaseLayer layer, int r, double alpha, LokrConfig config)
        : base(nameof(LokrLayer), alpha / r, config.RankDropout, config.ModuleDropout, config.RankDropoutScale)
    {
        long[] shape = layer.Shape, kernel = shape[2..];
        (long outLeft, long outRight) = Factors(shape[0], config.DecomposeFactor);
        (long inLeft, long inRight) = Factors(shape[1], config.DecomposeFactor);
        bool zero = config.InitWeights;
        _rightShape = [outRight, inRight, .. kernel];
        if (config.DecomposeBoth && r < Math.Max(outLeft, inLeft) / 2.0)
        {
            _w1Split = (Add("lokr_w1_a", zero, outLeft, r), Add("lokr_w1_b", false, r, inLeft));
        }
        else
        {
            _w1 = Add("lokr_w1", zero, outLeft, inLeft);
        }

        if (r >= Math.Max(outRight, inRight) / 2.0)
        {
            _w2 = Add("lokr_w2", false, _rightShape);
        }
        else if (config.UseEffectiveConv2d && kernel.Any(size => size != 1))
        {
            _core = Add("lokr_t2", false, [r, r, .. kernel]);
            _w2Split = (Add("lokr_w2_a", false, r, outRight), Add("lokr_w2_b", false, r, inRight));
        }
        else
        {
            _w2Split = (Add("lokr_w2_a", false, outRight, r), Add("lokr_w2_b", false, r, kernel.Aggregate(inRight, (product, size) => product * size)));
        }
    }

    /// <summary>Two factors of a size: the wanted one where it divides, else the two nearest to each other, the smaller first (and not above the wanted one).</summary>
    public static (long Left, long Right) Factors(long size, int wanted)
    {
        if (wanted > 0 && size % wanted == 0)
        {
            return (wanted, size / wanted);
        }

        (long, long) best = (1, size);
        for (long left = 1; left * left <= size; left++)
        {
            if (size % left == 0 && (wanted <= 0 || left <= wanted))
            {
                best = (left, size / left);
            }
        }

        return best;
    }

    protected override Tensor Update(BaseLayer layer)
    {
        Tensor left = _w1 ?? _w1Split!.Value.A.matmul(_w1Split.Value.B);
        Tensor right = _w2 ?? (_core is { } core ? Tucker(core, _w2Split!.Value.A, _w2Split.Value.B) : _w2Split!.Value.A.matmul(_w2Split.Value.B).view(_rightShape));
        return kron(left.view([.. left.shape, .. Enumerable.Repeat(1L, _rightShape.Length - 2)]), right.contiguous()).view(layer.Shape);
    }
}
