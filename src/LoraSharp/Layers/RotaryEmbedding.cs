using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Computes the cosines and sines of rotary position embedding and applies them to a head's features.</summary>
public sealed class RotaryEmbedding
{
    private readonly double[]? _frequencies;
    private readonly double _attentionFactor;

    /// <summary>Precomputes the frequencies.</summary>
    /// <exception cref="NotSupportedException">The scaling rule is not known.</exception>
    public RotaryEmbedding(RopeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        _frequencies = RopeFrequencies.DependOnLength(options) ? null : RopeFrequencies.Compute(options, 0);
        _attentionFactor = RopeFrequencies.AttentionFactor(options);
    }

    /// <summary>The options given.</summary>
    public RopeOptions Options { get; }

    /// <summary>Cosine and sine tables for some positions.</summary>
    /// <param name="positionIds">(B, T) int64.</param>
    /// <param name="dtype">Type of the result; angles are computed in float32, as the reference does.</param>
    /// <returns>Two tensors (B, 1, T, rotaryDim).</returns>
    public (Tensor Cos, Tensor Sin) Tables(Tensor positionIds, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(positionIds);
        using var scope = NewDisposeScope();
        double[] values = _frequencies ?? RopeFrequencies.Compute(Options, positionIds.max().item<long>() + 1);
        Tensor frequencies = tensor(values, dtype: ScalarType.Float32);
        Tensor angles = positionIds.to(ScalarType.Float32).unsqueeze(-1) * frequencies;
        Tensor both = (Options.Interleaved ? angles.repeat_interleave(2, -1) : cat([angles, angles], dim: -1)).unsqueeze(1);
        return (Table(both.cos()), Table(both.sin()));

        Tensor Table(Tensor x) => (_attentionFactor == 1 ? x : x * _attentionFactor).to(dtype).MoveToOuterDisposeScope();
    }

    /// <summary>Rotates x (B, heads, T, headDim).</summary>
    public static Tensor Apply(Tensor x, Tensor cos, Tensor sin, bool interleaved = false)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(cos);
        ArgumentNullException.ThrowIfNull(sin);
        using var scope = NewDisposeScope();
        long rotary = cos.shape[^1], half = rotary / 2;
        bool partial = rotary < x.shape[^1];
        Tensor turned = partial ? x.narrow(-1, 0, rotary) : x;
        Tensor swapped = interleaved ? SwapNeighbours(turned) : cat([turned.narrow(-1, half, half).neg(), turned.narrow(-1, 0, half)], dim: -1);
        Tensor result = turned * cos + swapped * sin;
        return (partial ? cat([result, x.narrow(-1, rotary, x.shape[^1] - rotary)], dim: -1) : result).MoveToOuterDisposeScope();
    }

    // (a0, b0, a1, b1, ...) → (−b0, a0, −b1, a1, ...)
    private static Tensor SwapNeighbours(Tensor x)
    {
        Tensor pairs = x.unflatten(x.dim() - 1, -1, 2);
        return stack([pairs.select(-1, 1).neg(), pairs.select(-1, 0)], -1).flatten(-2, -1);
    }
}
