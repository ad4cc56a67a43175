namespace LoraSharp.Tokenization;

/// <summary>The fields of a BPE model beside its vocabulary and merges.</summary>
internal sealed record BpeOptions
{
    public string? UnkToken { get; init; }

    public string? ContinuingSubwordPrefix { get; init; }

    public string? EndOfWordSuffix { get; init; }

    public bool FuseUnk { get; init; }

    public bool ByteFallback { get; init; }

    public bool IgnoreMerges { get; init; }

    /// <summary>The model takes the text's bytes itself: its words are not yet in the byte alphabet, its vocabulary is.</summary>
    public bool ByteLevel { get; init; }
}
