namespace LoraSharp.Layers;

/// <summary>The frequencies of rotary embedding under each scaling rule, in double precision.</summary>
internal static class RopeFrequencies
{
    /// <summary>Whether the frequencies depend on the longest position of a batch.</summary>
    public static bool DependOnLength(RopeOptions options) => options.Type is "dynamic" or "longrope";

    /// <summary>Frequencies f_k for k &lt; rotaryDim/2.</summary>
    /// <param name="options">The rule.</param>
    /// <param name="length">Longest position of the batch + 1, for the rules that depend on it.</param>
    public static double[] Compute(RopeOptions options, long length)
    {
        double[] plain = Plain(options.Theta, options.RotaryDim);
        return options.Type switch
        {
            "default" => plain,
            "linear" => [.. plain.Select(f => f / Factor(options))],
            "dynamic" => Dynamic(options, length),
            "llama3" => [.. plain.Select(f => Llama3(f, options))],
            "yarn" => Yarn(plain, options),
            "longrope" => LongRope(plain, options, length),
            _ => throw new NotSupportedException($"The RoPE scaling '{options.Type}' is not known ({string.Join(", ", RopeOptions.Types)})."),
        };
    }

    /// <summary>What cosines and sines are multiplied by.</summary>
    public static double AttentionFactor(RopeOptions options)
    {
        if (options.Type is not ("yarn" or "longrope"))
        {
            return 1;
        }

        double factor = Factor(options);
        if (options.AttentionFactor is { } given)
        {
            return given;
        }

        if (options.Type == "longrope")
        {
            return factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(options.OriginalMaxPositions)));
        }

        return options is { MScale: > 0 and { } scale, MScaleAllDim: > 0 and { } all } ? MScale(scale) / MScale(all) : MScale(1);

        double MScale(double m) => factor <= 1 ? 1 : (0.1 * m * Math.Log(factor)) + 1;
    }

    private static double Factor(RopeOptions options) => options.Factor ?? (double)options.MaxPositions / options.OriginalMaxPositions;

    private static double[] Plain(double theta, int dim) => [.. Enumerable.Range(0, dim / 2).Select(k => Math.Pow(theta, -2.0 * k / dim))];

    // "NTK-aware" scaling: a larger base once the sequence outgrows the model's context.
    private static double[] Dynamic(RopeOptions options, long length)
    {
        double limit = options.MaxPositions, dim = options.RotaryDim, factor = Factor(options);
        double stretch = (factor * Math.Max(length, limit) / limit) - (factor - 1);
        return Plain(options.Theta * Math.Pow(stretch, dim / (dim - 2)), options.RotaryDim);
    }

    private static double Llama3(double frequency, RopeOptions options)
    {
        double wavelength = 2 * Math.PI / frequency, context = options.OriginalMaxPositions, low = options.LowFrequencyFactor, high = options.HighFrequencyFactor;
        if (wavelength < context / high)
        {
            return frequency;
        }

        if (wavelength > context / low)
        {
            return frequency / Factor(options);
        }

        double smooth = ((context / wavelength) - low) / (high - low);
        return ((1 - smooth) * frequency / Factor(options)) + (smooth * frequency);
    }

    // Peng et al. 2023: high frequencies are kept, low ones interpolated, with a linear ramp between.
    private static double[] Yarn(double[] plain, RopeOptions options)
    {
        const double MinimalRamp = 0.001;
        double low = Turn(options.BetaFast), high = Turn(options.BetaSlow);
        if (options.Truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }

        low = Math.Max(low, 0);
        high = Math.Min(high, options.RotaryDim - 1);
        high = low == high ? high + MinimalRamp : high;
        return [.. plain.Select((f, k) =>
        {
            double ramp = Math.Clamp((k - low) / (high - low), 0, 1);
            return (f / Factor(options) * ramp) + (f * (1 - ramp));
        })];

        double Turn(double rotations) =>
            options.RotaryDim * Math.Log(options.OriginalMaxPositions / (rotations * 2 * Math.PI)) / (2 * Math.Log(options.Theta));
    }

    private static double[] LongRope(double[] plain, RopeOptions options, long length)
    {
        IReadOnlyList<double> divisors = (length > options.OriginalMaxPositions ? options.LongFactor : options.ShortFactor)!;
        return [.. plain.Select((f, k) => f / divisors[k])];
    }
}
