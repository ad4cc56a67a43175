namespace LoraSharp.Layers;

/// <summary>Rotary position embedding of a model (Su et al. 2021, RoFormer), with the scaling rules that checkpoints use.</summary>
public sealed record RopeOptions
{
    /// <summary>Base of the frequencies.</summary>
    public double Theta { get; init; } = 10_000;

    /// <summary>Number of features of a head that rotate.</summary>
    public required int RotaryDim { get; init; }

    /// <summary><c>default</c>, <c>linear</c>, <c>dynamic</c>, <c>llama3</c>, <c>yarn</c> or <c>longrope</c>.</summary>
    public string Type { get; init; } = "default";

    /// <summary>The scaling factor; null where the rule computes it.</summary>
    public double? Factor { get; init; }

    /// <summary>Context length of the model (M).</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Context length before scaling (C).</summary>
    public int OriginalMaxPositions { get; init; } = 2048;

    /// <summary>llama3: below this share of the original context a wavelength is scaled fully.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>llama3: above this share of the original context a wavelength is kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;
}
