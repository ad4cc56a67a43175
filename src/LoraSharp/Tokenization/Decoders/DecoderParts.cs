namespace LoraSharp.Tokenization;

/// <summary>The decoders that treat each token by itself.</summary>
internal static class DecoderParts
{
    private static readonly (string Old, string New)[] s_cleanUp =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    /// <summary>Metaspace: the mark in front of the first token goes (unless none was put there), others become spaces.</summary>
    public static MapDecoder Metaspace(string replacement, PrependScheme scheme) => new((token, index, _) =>
        Replace(token, replacement, index == 0 && scheme != PrependScheme.Never ? "" : " "));

    /// <summary>BPE with an end-of-word suffix: it becomes a space, in the last token nothing.</summary>
    public static MapDecoder EndOfWord(string suffix) => new((token, index, count) => Replace(token, suffix, index == count - 1 ? "" : " "));

    /// <summary>WordPiece: every token but the first loses its prefix, or gets a space in front.</summary>
    public static MapDecoder WordPiece(string prefix, bool cleanUp) => new((token, index, _) =>
    {
        if (index > 0)
        {
            token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        }

        return cleanUp ? CleanUp(token) : token;
    });

    /// <summary>Takes up to so many of one character off the ends of each token.</summary>
    public static MapDecoder Strip(string content, int start, int stop) => new((token, _, _) =>
    {
        int first = 0;
        for (int i = 0; i < start && token.AsSpan(first).StartsWith(content); i++)
        {
            first += content.Length;
        }

        int end = token.Length;
        for (int i = 0; i < stop && end - content.Length >= first && token.AsSpan(0, end).EndsWith(content); i++)
        {
            end -= content.Length;
        }

        return token[first..end];
    });

    public static string CleanUp(string text)
    {
        foreach ((string old, string replacement) in s_cleanUp)
        {
            text = text.Replace(old, replacement, StringComparison.Ordinal);
        }

        return text;
    }

    public static string Replace(string text, string old, string replacement) =>
        old.Length == 0 ? text : text.Replace(old, replacement, StringComparison.Ordinal);
}
