namespace LoraSharp.Evaluation;

/// <summary>How <see cref="BertScore"/> compares texts.</summary>
public sealed record BertScoreOptions
{
    /// <summary>The layer after which tokens are compared. Default: null, the last one.</summary>
    public int? Layers { get; init; }

    /// <summary>Whether a token weighs the more, the fewer references hold it. Default: false, all tokens weigh the same.</summary>
    public bool UseIdf { get; init; }

    /// <summary>The most tokens of a text, special ones included. Default: 512, or what the model can take if that is less.</summary>
    public int MaxLength { get; init; } = 512;

    /// <summary>
    /// What unrelated texts score in this layer of this model, measured beforehand; scores become (score − baseline) / (1 − baseline), so that 0 means unrelated. Default: null, scores stay as they are.
    /// </summary>
    public PairScore? Baseline { get; init; }
}
