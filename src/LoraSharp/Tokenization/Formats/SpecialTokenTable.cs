using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>The special tokens that a folder names, old style and new.</summary>
internal sealed class SpecialTokenTable
{
    /// <summary>What the classes of transformers name where a folder does not.</summary>
    private static readonly Dictionary<string, (string Name, string Token)[]> s_classDefaults = new()
    {
        ["Llama"] = [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")],
        ["GPT2"] = [("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"), ("unk_token", "<|endoftext|>")],
        ["Qwen2"] = [("eos_token", "<|endoftext|>"), ("unk_token", "<|endoftext|>"), ("pad_token", "<|endoftext|>")],
        ["Bert"] = [("unk_token", "[UNK]"), ("sep_token", "[SEP]"), ("pad_token", "[PAD]"), ("cls_token", "[CLS]"), ("mask_token", "[MASK]")],
        ["Roberta"] = [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"), ("sep_token", "</s>"), ("pad_token", "<pad>"), ("cls_token", "<s>"), ("mask_token", "<mask>")],
        ["T5"] = [("eos_token", "</s>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")],
        ["DebertaV2"] = [("bos_token", "[CLS]"), ("eos_token", "[SEP]"), ("unk_token", "[UNK]"), ("sep_token", "[SEP]"), ("pad_token", "[PAD]"), ("cls_token", "[CLS]"), ("mask_token", "[MASK]")],
        ["Gemma"] = [("bos_token", "<bos>"), ("eos_token", "<eos>"), ("unk_token", "<unk>"), ("pad_token", "<pad>")],
    };

    private static readonly Dictionary<string, string> s_sameDefaults = new()
    {
        ["DistilBert"] = "Bert", ["Electra"] = "Bert", ["MobileBert"] = "Bert", ["XLMRoberta"] = "Roberta", ["Bart"] = "Roberta", ["MT5"] = "T5",
    };

    private readonly List<(string Name, AddedToken Token)> _named = [];

    /// <summary>The name of the folder's tokenizer class without "Tokenizer" and "Fast"; "" where it names none.</summary>
    public string ClassName { get; private init; } = "";

    /// <summary>The named tokens in the order of <see cref="TokenizerSettings.TokenNames"/>.</summary>
    public IReadOnlyList<(string Name, AddedToken Token)> Named => _named;

    /// <summary>Special tokens without a name of their own.</summary>
    public List<AddedToken> Extra { get; } = [];

    public AddedToken? this[string name] => _named.Find(pair => pair.Name == name).Token;

    public static SpecialTokenTable Read(JsonField? config, JsonField? map)
    {
        string className = config?.TryGet("tokenizer_class")?.AsString() ?? "";
        className = className.EndsWith("Fast", StringComparison.Ordinal) ? className[..^4] : className;
        var table = new SpecialTokenTable { ClassName = className.EndsWith("Tokenizer", StringComparison.Ordinal) ? className[..^9] : className };

        // special_tokens_map.json is the older way; it counts where tokenizer_config.json does not list the added tokens.
        bool isNew = config?.TryGet("added_tokens_decoder") is not null;
        JsonField?[] sources = isNew ? [config] : [map, config];
        (string Name, string Token)[] defaults = s_classDefaults.GetValueOrDefault(s_sameDefaults.GetValueOrDefault(table.ClassName, table.ClassName), []);
        foreach (string name in TokenizerSettings.TokenNames)
        {
            // A null in the config is an answer: no such token.
            JsonField? value = sources.Select(source => source?.TryGet(name)).FirstOrDefault(found => found is not null);
            bool isNull = config is { } json && json.Element.TryGetProperty(name, out JsonElement element) && element.ValueKind == JsonValueKind.Null;
            string? fallback = Array.Find(defaults, pair => pair.Name == name).Token;
            if (value is { } token)
            {
                table._named.Add((name, ReadToken(token)));
            }
            else if (fallback is not null && !isNull)
            {
                table._named.Add((name, new AddedToken(fallback) { Special = true }));
            }
        }

        foreach (string name in new[] { "additional_special_tokens", "extra_special_tokens" })
        {
            foreach (JsonField? source in sources)
            {
                if (source?.TryGet(name) is { } list)
                {
                    table.ReadExtra(list);
                    break;
                }
            }
        }

        return table;
    }

    /// <summary>Names special tokens where there is no token of that name yet.</summary>
    public void AddMissing(IEnumerable<KeyValuePair<string, string>> tokens)
    {
        foreach ((string name, string token) in tokens)
        {
            if (this[name] is null)
            {
                _named.Add((name, new AddedToken(token) { Special = true }));
            }
        }
    }

    private void ReadExtra(JsonField list)
    {
        if (list.Kind == JsonValueKind.Array)
        {
            Extra.AddRange(list.Items().Select(ReadToken));
            return;
        }

        // Named ones of a model's own, such as image_token.
        foreach ((string name, JsonField value) in list.Properties())
        {
            _named.Add((name, ReadToken(value)));
        }
    }

    private static AddedToken ReadToken(JsonField json)
    {
        if (json.Kind == JsonValueKind.String)
        {
            string content = json.AsString();
            return content.Length > 0 ? new AddedToken(content) { Special = true } : throw json.Fail("a special token is empty", "Write null where there is none");
        }

        return TokenizerJson.ReadAddedToken(json, json["content"].AsString(), normalized: false, special: true) with { Special = true };
    }
}
