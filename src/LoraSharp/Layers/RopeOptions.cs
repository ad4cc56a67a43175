namespace LoraSharp.Layers;

/// <summary>Rotary position embedding of a model (Su et al. 2021, RoFormer), with the scaling rules that checkpoints use.</summary>
public sealed record RopeOptions
{
    /// <summary>The scaling rules.</summary>
    internal static readonly string[] Types = ["default", "linear", "dynamic", "llama3", "yarn", "longrope"];

    /// <summary>Base of the frequencies.</summary>
    public double Theta { get; init; } = 10_000;

    /// <summary>Number of features of a head that rotate.</summary>
    public required int RotaryDim { get; init; }

    /// <summary>Whether neighbouring features (2k, 2k + 1) form a pair, instead of feature k of the first and of the second half.</summary>
    public bool Interleaved { get; init; }

    /// <summary><c>default</c>, <c>linear</c>, <c>dynamic</c>, <c>llama3</c>, <c>yarn</c> or <c>longrope</c>.</summary>
    public string Type { get; init; } = "default";

    /// <summary>The scaling factor; null (yarn, longrope): the ratio of the two context lengths.</summary>
    public double? Factor { get; init; }

    /// <summary>Context length of the model (M).</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Context length before scaling (C).</summary>
    public int OriginalMaxPositions { get; init; } = 2048;

    /// <summary>llama3: below this share of the original context a wavelength is scaled fully.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>llama3: above this share of the original context a wavelength is kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>yarn, longrope: what cosines and sines are multiplied by; null: computed from the factor.</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>yarn: turns within the original context from which on a frequency is kept.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>yarn: turns within the original context up to which a frequency is scaled fully.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>yarn: numerator of the attention factor, when <see cref="MScaleAllDim"/> is set too.</summary>
    public double? MScale { get; init; }

    /// <summary>yarn: denominator of the attention factor, when <see cref="MScale"/> is set too.</summary>
    public double? MScaleAllDim { get; init; }

    /// <summary>yarn: whether the limits of the ramp are rounded to whole features.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>longrope: divisors of the frequencies within the original context, one for each pair of features.</summary>
    public IReadOnlyList<double>? ShortFactor { get; init; }

    /// <summary>longrope: divisors of the frequencies beyond the original context.</summary>
    public IReadOnlyList<double>? LongFactor { get; init; }
}
