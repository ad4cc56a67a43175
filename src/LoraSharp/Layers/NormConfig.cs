namespace LoraSharp.Layers;

/// <summary>The kinds of norm layers.</summary>
internal enum NormKind
{
    /// <summary>Root mean square, times the weight.</summary>
    Rms,

    /// <summary>Root mean square, times 1 + weight (Gemma).</summary>
    RmsUnitOffset,

    /// <summary>Mean and variance, with weight and bias.</summary>
    Layer,

    /// <summary>Mean and variance, with a weight only.</summary>
    LayerWithoutBias,
}

/// <summary>A kind of norm and the constant under its root.</summary>
internal sealed record NormConfig(NormKind Kind, double Eps);
