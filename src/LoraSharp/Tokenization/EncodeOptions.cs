using LoraSharp.Tokenization;

namespace LoraSharp;

/// <summary>What <see cref="Tokenizer.Encode"/> and <see cref="Tokenizer.EncodeBatch"/> do beyond turning text into ids.</summary>
public sealed record EncodeOptions
{
    /// <summary>Adds the special tokens of the tokenizer's post-processor (BOS, EOS, [CLS], ...). Default: true.</summary>
    public bool AddSpecialTokens { get; init; } = true;

    /// <summary>Treats special tokens written in the text as ordinary text. Use it for text that is not trusted. Default: false.</summary>
    public bool SplitSpecialTokens { get; init; }

    /// <summary>Cuts each encoding; null (the default): no cutting.</summary>
    public TruncationOptions? Truncation { get; init; }

    /// <summary>Pads the encodings; null (the default): no padding.</summary>
    public PaddingOptions? Padding { get; init; }
}
