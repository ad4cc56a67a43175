namespace LoraSharp.Tokenization;

/// <summary>An end of a sequence of tokens.</summary>
public enum SequenceSide
{
    /// <summary>The end.</summary>
    Right,

    /// <summary>The beginning.</summary>
    Left,
}
