namespace LoraSharp.Tokenization;

/// <content>Pre-tokenizers and post-processors.</content>
internal static partial class ComponentReader
{
    /// <summary>True if the last thing that happens to a piece is that it is written in the byte alphabet.</summary>
    public static bool EndsWithByteLevel(JsonField json)
    {
        string type = json["type"].AsString();
        if (type != "Sequence")
        {
            return type == "ByteLevel";
        }

        JsonField parts = json["pretokenizers"];
        int count = parts.ArrayLength();
        return count > 0 && parts[count - 1]["type"].AsString() == "ByteLevel";
    }

    /// <param name="json">The pre-tokenizer.</param>
    /// <param name="modelTakesBytes">Leaves the byte alphabet to the model, where <see cref="EndsWithByteLevel"/>.</param>
    /// <param name="depth">How deep this one is nested.</param>
    public static PreTokenizer ReadPreTokenizer(JsonField json, bool modelTakesBytes, int depth = 0)
    {
        string type = json["type"].AsString();
        switch (type)
        {
            case "Sequence":
                JsonField[] parts = [.. Nested(json, "pretokenizers", depth)];
                return new SequencePreTokenizer(
                    [.. parts.Select((part, i) => ReadPreTokenizer(part, modelTakesBytes && i == parts.Length - 1, depth + 1))]);
            case "ByteLevel":
                return new ByteLevelPreTokenizer(json["add_prefix_space"].AsBool(), json.BoolOr("use_regex", true), mapBytes: !modelTakesBytes);
            case "Metaspace":
                return new MetaspacePreTokenizer(ReadCharacter(json["replacement"]), ReadPrependScheme(json), json.BoolOr("split", true));
            case "Split":
                return new SplitPreTokenizer(ReadPattern(json["pattern"]), ReadBehavior(json["behavior"]), json.BoolOr("invert", false));
            case "Digits":
                SplitBehavior digits = json.BoolOr("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous;
                return new SplitPreTokenizer(new CodePointPattern(UnicodeText.IsNumeric), digits);
            case "Punctuation":
                SplitBehavior punctuation = json.TryGet("behavior") is { } behavior ? ReadBehavior(behavior) : SplitBehavior.Isolated;
                return new SplitPreTokenizer(new CodePointPattern(UnicodeText.IsPunctuation), punctuation);
            case "BertPreTokenizer":
                return new SequencePreTokenizer(
                    [WhitespaceSplit(), new SplitPreTokenizer(new CodePointPattern(UnicodeText.IsPunctuation), SplitBehavior.Isolated)]);
            case "Whitespace":
                return new SplitPreTokenizer(new WordPattern(), SplitBehavior.Removed, invert: true);
            case "WhitespaceSplit":
                return WhitespaceSplit();
            case "CharDelimiterSplit":
                return new SplitPreTokenizer(new LiteralPattern(ReadCharacter(json["delimiter"])), SplitBehavior.Removed);
            case "UnicodeScripts":
                return new UnicodeScriptsPreTokenizer();
            case "FixedLength":
                int length = json.TryGet("length")?.AsCount() ?? 5;
                return length > 0 ? new FixedLengthPreTokenizer(length) : throw json["length"].Fail("a length of 0 cuts nothing", "Use at least 1");
            default:
                throw Unknown(json, "pre-tokenizer", type);
        }
    }

    public static PostProcessor ReadPostProcessor(JsonField json, int depth = 0)
    {
        string type = json["type"].AsString();
        return type switch
        {
            "Sequence" => new SequencePostProcessor([.. Nested(json, "processors", depth).Select(part => ReadPostProcessor(part, depth + 1))]),
            "ByteLevel" => new ByteLevelPostProcessor(json.BoolOr("trim_offsets", true), json.BoolOr("add_prefix_space", true)),
            "BertProcessing" => new BertPostProcessor(ReadTokenWithId(json["sep"]), ReadTokenWithId(json["cls"])),
            "RobertaProcessing" => new RobertaPostProcessor(
                ReadTokenWithId(json["sep"]), ReadTokenWithId(json["cls"]), json.BoolOr("trim_offsets", true), json.BoolOr("add_prefix_space", true)),
            "TemplateProcessing" => ReadTemplate(json),
            _ => throw Unknown(json, "post-processor", type),
        };
    }

    private static SplitPreTokenizer WhitespaceSplit() => new(new CodePointPattern(UnicodeText.IsWhiteSpace), SplitBehavior.Removed);

    private static SplitBehavior ReadBehavior(JsonField json) =>
        Enum.TryParse(json.AsString(), out SplitBehavior behavior) && Enum.IsDefined(behavior)
        ? behavior
        : throw json.Fail(
            $"the behavior '{Shorten(json.AsString())}' is not known", $"Use one of {string.Join(", ", Enum.GetNames<SplitBehavior>())}");

    private static (string Token, int Id) ReadTokenWithId(JsonField json) => json.ArrayLength() == 2
        ? (json[0].AsString(), json[1].AsCount())
        : throw json.Fail("a pair of a token and its id is expected", "Write it as [\"token\", id]");

    private static TemplatePostProcessor ReadTemplate(JsonField json)
    {
        var tokens = new Dictionary<string, TemplateToken>();
        foreach ((string name, JsonField value) in json["special_tokens"].Properties())
        {
            var token = new TemplateToken(
                [.. value["ids"].Items().Select(id => id.AsCount())], [.. value["tokens"].Items().Select(text => text.AsString())]);
            if (token.Ids.Count != token.Tokens.Count)
            {
                throw value.Fail($"there are {token.Ids.Count} ids but {token.Tokens.Count} tokens", "Give each token its id");
            }

            tokens[name] = token;
        }

        List<TemplatePiece> single = ReadPieces(json["single"], tokens);
        List<TemplatePiece> pair = ReadPieces(json["pair"], tokens);
        if (!pair.Exists(piece => piece is { SpecialToken: null, Sequence: 0 })
            || !pair.Exists(piece => piece is { SpecialToken: null, Sequence: 1 }))
        {
            throw json["pair"].Fail("the template for pairs does not use both sequences", "Put A and B into it");
        }

        return new TemplatePostProcessor(single, pair, tokens);
    }

    private static List<TemplatePiece> ReadPieces(JsonField json, Dictionary<string, TemplateToken> tokens)
    {
        var pieces = new List<TemplatePiece>();
        foreach (JsonField item in json.Items())
        {
            if (item.TryGet("SpecialToken") is { } special)
            {
                string name = special["id"].AsString();
                if (!tokens.ContainsKey(name))
                {
                    throw special.Fail($"the token '{Shorten(name)}' is not among special_tokens", "Add it there");
                }

                pieces.Add(new TemplatePiece(name, 0, special["type_id"].AsCount()));
            }
            else
            {
                JsonField sequence = item["Sequence"];
                int index = sequence["id"].AsString() switch
                {
                    "A" => 0,
                    "B" => 1,
                    string other => throw sequence.Fail($"the sequence '{Shorten(other)}' is not known", "Use A or B"),
                };
                pieces.Add(new TemplatePiece(null, index, sequence["type_id"].AsCount()));
            }
        }

        return pieces;
    }
}
