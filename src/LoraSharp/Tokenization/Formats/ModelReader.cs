using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>Makes models from their JSON.</summary>
internal static class ModelReader
{
    /// <param name="json">The model.</param>
    /// <param name="byteLevel">The words of a BPE model are the text itself, not yet in the byte alphabet.</param>
    public static TokenModel Read(JsonField json, bool byteLevel)
    {
        string type = TypeOf(json);
        return type switch
        {
            "BPE" => ReadBpe(json, byteLevel),
            "WordPiece" => new WordPieceModel(
                ReadVocabulary(json["vocab"]), json.StringOr("unk_token", "[UNK]"), json.StringOr("continuing_subword_prefix", "##"),
                json.TryGet("max_input_chars_per_word")?.AsCount() ?? 100),
            "WordLevel" => new WordLevelModel(ReadVocabulary(json["vocab"]), json.StringOr("unk_token", "<unk>")),
            "Unigram" => ReadUnigram(json),
            _ => throw json["type"].Fail($"the model '{type}' is not known", "Use BPE, WordPiece, WordLevel or Unigram"),
        };
    }

    /// <summary>True for BPE, told by its fields in old files that do not name the type.</summary>
    public static bool IsBpe(JsonField json) => TypeOf(json) == "BPE";

    private static string TypeOf(JsonField json)
    {
        if (json.TryGet("type") is { } type)
        {
            return type.AsString();
        }

        return json.TryGet("merges") is not null ? "BPE"
            : json["vocab"].Kind == JsonValueKind.Array ? "Unigram"
            : json.TryGet("continuing_subword_prefix") is not null ? "WordPiece"
            : "WordLevel";
    }

    public static Vocabulary ReadVocabulary(JsonField json)
    {
        json.Require(JsonValueKind.Object);
        var ids = new Dictionary<string, int>();
        foreach ((string token, JsonField id) in json.Properties())
        {
            ids[token] = id.AsCount();
        }

        try
        {
            return new Vocabulary(ids);
        }
        catch (ArgumentException e)
        {
            throw json.Fail(e.Message, "Give each token an id of its own", e);
        }
    }

    private static BpeModel ReadBpe(JsonField json, bool byteLevel)
    {
        if (json.TryGet("dropout") is { } dropout && dropout.AsDouble() != 0)
        {
            throw dropout.Fail("dropout makes each encoding a random one, which LoraSharp does not do", "Set it to null");
        }

        Vocabulary vocabulary = ReadVocabulary(json["vocab"]);
        JsonField merges = json["merges"];
        var options = new BpeOptions
        {
            UnkToken = json.TryGet("unk_token")?.AsString(),
            ContinuingSubwordPrefix = NullIfEmpty(json.TryGet("continuing_subword_prefix")?.AsString()),
            EndOfWordSuffix = NullIfEmpty(json.TryGet("end_of_word_suffix")?.AsString()),
            FuseUnk = json.BoolOr("fuse_unk", false),
            ByteFallback = json.BoolOr("byte_fallback", false),
            IgnoreMerges = json.BoolOr("ignore_merges", false),
            ByteLevel = byteLevel,
        };
        List<(string, string)> pairs = ReadMerges(merges);
        try
        {
            return new BpeModel(vocabulary, pairs, options);
        }
        catch (MergeException e)
        {
            throw merges.Fail($"number {e.Rank}: {e.Message}", "Add the token to the vocabulary or remove the merge", e);
        }
    }

    private static List<(string Left, string Right)> ReadMerges(JsonField json)
    {
        var pairs = new List<(string, string)>(json.ArrayLength());
        foreach (JsonField merge in json.Items())
        {
            if (merge.Kind == JsonValueKind.Array)
            {
                if (merge.ArrayLength() != 2)
                {
                    throw merge.Fail($"a merge has two parts, not {merge.ArrayLength()}", "Correct the merge");
                }

                pairs.Add((merge[0].AsString(), merge[1].AsString()));
                continue;
            }

            string text = merge.AsString();
            if (text.StartsWith("#version", StringComparison.Ordinal))
            {
                continue;
            }

            int space = text.IndexOf(' ', StringComparison.Ordinal);
            if (space < 0 || text.IndexOf(' ', space + 1) >= 0)
            {
                throw merge.Fail(
                    $"a merge is two tokens with one space between, not '{(text.Length <= 80 ? text : text[..77] + "...")}'",
                    "Write it as [\"left\", \"right\"]");
            }

            pairs.Add((text[..space], text[(space + 1)..]));
        }

        return pairs;
    }

    private static UnigramModel ReadUnigram(JsonField json)
    {
        JsonField vocab = json["vocab"];
        var pieces = new List<(string, double)>(vocab.ArrayLength());
        foreach (JsonField piece in vocab.Items())
        {
            if (piece.ArrayLength() != 2)
            {
                throw piece.Fail("a pair of a piece and its score is expected", "Write it as [\"piece\", score]");
            }

            pieces.Add((piece[0].AsString(), piece[1].AsDouble()));
        }

        int? unkId = json.TryGet("unk_id")?.AsCount();
        return unkId >= pieces.Count
            ? throw json["unk_id"].Fail($"the id {unkId} is not in the vocabulary of {pieces.Count} pieces", "Correct unk_id")
            : new UnigramModel(pieces, unkId, json.BoolOr("byte_fallback", false));
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
