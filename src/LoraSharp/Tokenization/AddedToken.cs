namespace LoraSharp.Tokenization;

/// <summary>
/// A token that is found in the text before the model sees it, such as <c>&lt;|im_start|&gt;</c>. The flags are those of Hugging Face's tokenizers.
/// </summary>
/// <param name="Content">The written form; must not be empty.</param>
public sealed record AddedToken(string Content)
{
    /// <summary>Matches only where no word character stands directly before or after. Default: false.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Takes all whitespace before it into the token. Default: false.</summary>
    public bool LStrip { get; init; }

    /// <summary>Takes all whitespace after it into the token. Default: false.</summary>
    public bool RStrip { get; init; }

    /// <summary>Is looked for in the normalized text, its content normalized as well; else in the raw text. Default: false.</summary>
    public bool Normalized { get; init; }

    /// <summary>
    /// Is dropped by decoding with <c>skipSpecialTokens</c>, and is ordinary text with <see cref="EncodeOptions.SplitSpecialTokens"/>. Default:
    /// false.
    /// </summary>
    public bool Special { get; init; }
}
