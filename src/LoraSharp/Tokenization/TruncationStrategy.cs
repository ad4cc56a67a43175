namespace LoraSharp.Tokenization;

/// <summary>Which of the two texts of a pair is cut.</summary>
public enum TruncationStrategy
{
    /// <summary>The longer one first, then both to equal lengths.</summary>
    LongestFirst,

    /// <summary>Only the first; an error if nothing of it would be left.</summary>
    OnlyFirst,

    /// <summary>Only the second; an error if there is none or nothing of it would be left.</summary>
    OnlySecond,
}
