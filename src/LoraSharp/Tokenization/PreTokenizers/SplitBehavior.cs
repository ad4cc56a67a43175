namespace LoraSharp.Tokenization;

/// <summary>What becomes of the delimiter when a text is split.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}
