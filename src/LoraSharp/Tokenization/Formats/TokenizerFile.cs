namespace LoraSharp.Tokenization;

/// <summary>Reads one file of whatever kind it is.</summary>
internal static class TokenizerFile
{
    /// <summary>The pipeline, and the named special tokens that the file itself tells.</summary>
    public static (TokenizerPipeline Pipeline, IReadOnlyDictionary<string, string> Special) Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no tokenizer file '{path}'.", path);
        }

        if (IsJson(path))
        {
            return (TokenizerJson.Read(path), new Dictionary<string, string>());
        }

        byte[] bytes = File.ReadAllBytes(path);
        if (TiktokenFile.IsRanks(bytes))
        {
            return (TiktokenFile.Read(path, bytes).ToPipeline(), new Dictionary<string, string>());
        }

        SentencePieceModel model = SentencePieceModel.Read(path, bytes);
        return (SentencePiecePipeline.Exact(model), model.NamedTokens());
    }

    /// <summary>
    /// True if the first character, spaces aside, is an opening brace. SentencePiece files begin with a line feed, which is their first field's
    /// tag.
    /// </summary>
    private static bool IsJson(string path)
    {
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        using FileStream stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[64];
        start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        int first = start.IndexOfAnyExcept(" \t\r\n"u8);
        bool isBrace = first >= 0 && start[first] == '{';
        return isBrace && (start[0] != '\n' || (start.Length > first + 1 && start[first + 1] is (byte)'"' or (byte)'\n' or (byte)' '));
    }
}
