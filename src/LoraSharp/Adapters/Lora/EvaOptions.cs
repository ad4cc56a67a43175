namespace LoraSharp;

/// <summary>Settings of the EVA initialisation, with PEFT's names and defaults.</summary>
public sealed record EvaOptions
{
    /// <summary>How far ranks may move between layers: a layer gets at most r·rho. Default: 2.</summary>
    public double Rho { get; init; } = 2;

    /// <summary>Cosine from which a direction counts as settled while batches come in. Default: 0.99.</summary>
    public double Tau { get; init; } = 0.99;

    /// <summary>Whether directions are divided by the square root of their singular value. Default: false.</summary>
    public bool Whiten { get; init; }

    /// <summary>Whether alpha moves with the rank, so that the scaling stays. Default: true.</summary>
    public bool AdjustScaling { get; init; } = true;
}
