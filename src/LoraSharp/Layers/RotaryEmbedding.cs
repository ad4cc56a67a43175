using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Computes the cosines and sines of rotary position embedding and applies them to the two halves of a head's features.</summary>
public sealed class RotaryEmbedding
{
    private readonly double[] _frequencies;

    /// <summary>Precomputes the frequencies.</summary>
    /// <exception cref="NotSupportedException">The scaling rule is not known.</exception>
    public RotaryEmbedding(RopeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        int half = options.RotaryDim / 2;
        _frequencies = new double[half];
        for (int k = 0; k < half; k++)
        {
            _frequencies[k] = Scale(Math.Pow(options.Theta, -2.0 * k / options.RotaryDim), options);
        }
    }

    /// <summary>The options given.</summary>
    public RopeOptions Options { get; }

    /// <summary>Cosine and sine tables for some positions.</summary>
    /// <param name="positionIds">(B, T) int64.</param>
    /// <param name="dtype">Type of the result; angles are computed in float32, as the reference does.</param>
    /// <returns>Two tensors (B, 1, T, rotaryDim).</returns>
    public (Tensor Cos, Tensor Sin) Tables(Tensor positionIds, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        Tensor frequencies = tensor(_frequencies, dtype: ScalarType.Float32);
        Tensor angles = positionIds.to(ScalarType.Float32).unsqueeze(-1) * frequencies;
        Tensor both = cat([angles, angles], dim: -1).unsqueeze(1);
        return (both.cos().to(dtype).MoveToOuterDisposeScope(), both.sin().to(dtype).MoveToOuterDisposeScope());
    }

    /// <summary>Rotates x (B, heads, T, headDim).</summary>
    public static Tensor Apply(Tensor x, Tensor cos, Tensor sin)
    {
        using var scope = NewDisposeScope();
        long rotary = cos.shape[^1], half = rotary / 2;
        bool partial = rotary < x.shape[^1];
        Tensor turned = partial ? x.narrow(-1, 0, rotary) : x;
        Tensor swapped = cat([turned.narrow(-1, half, half).neg(), turned.narrow(-1, 0, half)], dim: -1);
        Tensor result = turned * cos + swapped * sin;
        return (partial ? cat([result, x.narrow(-1, rotary, x.shape[^1] - rotary)], dim: -1) : result).MoveToOuterDisposeScope();
    }

    private static double Scale(double frequency, RopeOptions options)
    {
        switch (options.Type)
        {
            case "default":
                return frequency;
            case "linear":
                return frequency / options.Factor!.Value;
            case "llama3":
                double wavelength = 2 * Math.PI / frequency, context = options.OriginalMaxPositions;
                if (wavelength < context / options.HighFrequencyFactor)
                {
                    return frequency;
                }

                if (wavelength > context / options.LowFrequencyFactor)
                {
                    return frequency / options.Factor!.Value;
                }

                double smooth = (context / wavelength - options.LowFrequencyFactor) / (options.HighFrequencyFactor - options.LowFrequencyFactor);
                return ((1 - smooth) * frequency / options.Factor!.Value) + (smooth * frequency);
            default:
                throw new NotSupportedException($"The RoPE scaling '{options.Type}' is not known (default, linear, llama3).");
        }
    }
}
