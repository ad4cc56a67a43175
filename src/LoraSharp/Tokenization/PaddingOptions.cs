namespace LoraSharp.Tokenization;

/// <summary>How the encodings of a batch are brought to one length. Padding never cuts.</summary>
public sealed record PaddingOptions
{
    /// <summary>The length to pad to; null (the default) means the longest of the batch.</summary>
    public int? Length { get; init; }

    /// <summary>Rounds the length up to a multiple of this number; null (the default): no rounding.</summary>
    public int? PadToMultipleOf { get; init; }

    /// <summary>Where padding is put. Default: <see cref="SequenceSide.Right"/>.</summary>
    public SequenceSide Side { get; init; }

    /// <summary>The id of padding; null (the default) means the tokenizer's pad token.</summary>
    public int? PadId { get; init; }

    /// <summary>The text of padding in <see cref="TokenEncoding.Tokens"/>; null (the default) means the tokenizer's pad token.</summary>
    public string? PadToken { get; init; }

    /// <summary>The type id of padding. Default: 0.</summary>
    public int PadTypeId { get; init; }
}
