namespace LoraSharp.Tokenization;

/// <summary>How an encoding is cut to a maximal length.</summary>
/// <param name="MaxLength">The most tokens an encoding may have, its special tokens included.</param>
public sealed record TruncationOptions(int MaxLength)
{
    /// <summary>Which text of a pair is cut. Default: <see cref="TruncationStrategy.LongestFirst"/>.</summary>
    public TruncationStrategy Strategy { get; init; }

    /// <summary>
    /// Where tokens are dropped: <see cref="SequenceSide.Right"/> (the default) keeps the beginning, <see cref="SequenceSide.Left"/> the end.
    /// </summary>
    public SequenceSide Side { get; init; }
}
