using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>Makes normalizers and decoders from their JSON.</summary>
internal static partial class ComponentReader
{
    /// <summary>The deepest nesting of sequences.</summary>
    private const int MaxDepth = 32;

    public static Normalizer ReadNormalizer(JsonField json, int depth = 0)
    {
        string type = json["type"].AsString();
        switch (type)
        {
            case "Sequence":
                return new SequenceNormalizer([.. Nested(json, "normalizers", depth).Select(part => ReadNormalizer(part, depth + 1))]);
            case "BertNormalizer":
                bool lowercase = json.BoolOr("lowercase", true);
                return new BertNormalizer(
                    json.BoolOr("clean_text", true), json.BoolOr("handle_chinese_chars", true), json.BoolOr("strip_accents", lowercase), lowercase);
            case "NFC":
                return new UnicodeNormalizer(NormalizationForm.FormC);
            case "NFD":
                return new UnicodeNormalizer(NormalizationForm.FormD);
            case "NFKC":
                return new UnicodeNormalizer(NormalizationForm.FormKC);
            case "NFKD":
                return new UnicodeNormalizer(NormalizationForm.FormKD);
            case "Lowercase":
                return new LowercaseNormalizer();
            case "Strip":
                return new StripNormalizer(json.BoolOr("strip_left", true), json.BoolOr("strip_right", true));
            case "StripAccents":
                return FilterNormalizer.StripAccents;
            case "Nmt":
                return FilterNormalizer.Nmt;
            case "Prepend":
                return new PrependNormalizer(json["prepend"].AsString());
            case "ByteLevel":
                return new ByteLevelNormalizer();
            case "Replace":
                return new ReplaceNormalizer(ReadPattern(json["pattern"]), json["content"].AsString());
            case "Precompiled":
                return ReadPrecompiled(json["precompiled_charsmap"]);
            default:
                throw Unknown(json, "normalizer", type);
        }
    }

    public static TokenDecoder ReadDecoder(JsonField json, int depth = 0)
    {
        string type = json["type"].AsString();
        return type switch
        {
            "Sequence" => new SequenceDecoder([.. Nested(json, "decoders", depth).Select(part => ReadDecoder(part, depth + 1))]),
            "ByteLevel" => new ByteLevelDecoder(),
            "ByteFallback" => new ByteFallbackDecoder(),
            "Fuse" => new FuseDecoder(),
            "Metaspace" => DecoderParts.Metaspace(json["replacement"].AsString(), ReadPrependScheme(json)),
            "WordPiece" => DecoderParts.WordPiece(json.StringOr("prefix", "##"), json.BoolOr("cleanup", true)),
            "BPEDecoder" => DecoderParts.EndOfWord(json.StringOr("suffix", "</w>")),
            "Strip" => DecoderParts.Strip(ReadCharacter(json["content"]), json["start"].AsCount(), json["stop"].AsCount()),
            "Replace" => new ReplaceDecoder(ReadPattern(json["pattern"]), json["content"].AsString()),
            "CTC" => new CtcDecoder(json.StringOr("pad_token", "<pad>"), json.StringOr("word_delimiter_token", "|"), json.BoolOr("cleanup", true)),
            _ => throw Unknown(json, "decoder", type),
        };
    }

    /// <summary>A pattern: an exact string, or a regular expression of Oniguruma's kind.</summary>
    private static TextPattern ReadPattern(JsonField json)
    {
        // Old files give the string alone.
        if (json.Kind == System.Text.Json.JsonValueKind.String)
        {
            return new LiteralPattern(json.AsString());
        }

        if (json.TryGet("String") is { } literal)
        {
            return new LiteralPattern(literal.AsString());
        }

        JsonField regex = json["Regex"];
        string source = regex.AsString();
        try
        {
            return RegexPattern.Create(source);
        }
        catch (FormatException e)
        {
            throw regex.Fail($"the pattern '{Shorten(source)}' cannot be used: {e.Message}", "Rewrite the pattern without it", e);
        }
    }

    private static PrecompiledNormalizer ReadPrecompiled(JsonField json)
    {
        try
        {
            return new PrecompiledNormalizer(Convert.FromBase64String(json.AsString()));
        }
        catch (FormatException e) when (e is not TokenizerFormatException)
        {
            throw json.Fail($"the character map cannot be read: {e.Message}", "Take the file from its source again", e);
        }
    }

    private static PrependScheme ReadPrependScheme(JsonField json)
    {
        // add_prefix_space is how files before prepend_scheme wrote always and never.
        if (json.TryGet("prepend_scheme") is { } scheme)
        {
            return scheme.AsString() switch
            {
                "always" => PrependScheme.Always,
                "first" => PrependScheme.First,
                "never" => PrependScheme.Never,
                string other => throw scheme.Fail($"the scheme '{other}' is not known", "Use always, first or never"),
            };
        }

        return json.BoolOr("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never;
    }

    private static string ReadCharacter(JsonField json)
    {
        string text = json.AsString();
        if (text.Length == 0 || text.Length > 2 || (text.Length == 2 && !char.IsSurrogatePair(text, 0)))
        {
            throw json.Fail($"one character is expected, not '{Shorten(text)}'", "Correct the value");
        }

        return text;
    }

    private static IEnumerable<JsonField> Nested(JsonField json, string name, int depth) => depth < MaxDepth
        ? json[name].Items()
        : throw json.Fail($"sequences are nested more than {MaxDepth} deep", "Flatten them");

    private static TokenizerFormatException Unknown(JsonField json, string kind, string type) =>
        json["type"].Fail($"the {kind} '{Shorten(type)}' is not known", "Update LoraSharp, or replace this component");

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..77] + "...";
}
