using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization;

/// <summary>Loads a model's folder as transformers' AutoTokenizer does.</summary>
internal static class TokenizerFolder
{
    public static Tokenizer Load(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(
                $"There is no folder '{folder}'. Give the path of a model's folder, which holds tokenizer.json or tokenizer.model.");
        }

        JsonField? config = ReadOptional(folder, "tokenizer_config.json");
        JsonField? map = ReadOptional(folder, "special_tokens_map.json");
        var special = SpecialTokenTable.Read(config, map);
        TokenizerPipeline pipeline = FolderPipeline.Read(folder, config, special);
        FolderAddedTokens.Add(pipeline, special, config, ReadOptional(folder, "added_tokens.json"));
        var settings = new TokenizerSettings
        {
            Config = config is { } json ? JsonNode.Parse(json.Element.GetRawText())!.AsObject() : [],
            ModelMaxLength = config?.TryGet("model_max_length") is { Kind: JsonValueKind.Number } max && max.Element.TryGetInt32(out int length)
                ? length
                : null,
            PaddingSide = ReadSide(config, "padding_side"),
            TruncationSide = ReadSide(config, "truncation_side"),
        };
        foreach ((string name, AddedToken token) in special.Named)
        {
            settings.SetSpecial(name, token.Content);
        }

        ReadChatTemplates(folder, config, settings);
        return new Tokenizer(pipeline, settings);
    }

    private static JsonField? ReadOptional(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path))
        {
            return null;
        }

        JsonField root = JsonField.ReadFile(path, out _);
        root.Require(JsonValueKind.Object);
        return root;
    }

    private static SequenceSide? ReadSide(JsonField? config, string name) => config?.TryGet(name) is not { } side ? null : side.AsString() switch
    {
        "right" => SequenceSide.Right,
        "left" => SequenceSide.Left,
        string other => throw side.Fail($"the side '{other}' is not known", "Use left or right"),
    };

    /// <summary>chat_template.jinja wins over the config's chat_template, which is one template or a list of named ones.</summary>
    private static void ReadChatTemplates(string folder, JsonField? config, TokenizerSettings settings)
    {
        if (config?.TryGet("chat_template") is { } template)
        {
            if (template.Kind == JsonValueKind.Array)
            {
                foreach (JsonField item in template.Items())
                {
                    settings.SetChatTemplate(item["template"].AsString(), item["name"].AsString());
                }
            }
            else
            {
                settings.SetChatTemplate(template.AsString());
            }
        }

        string file = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(file))
        {
            settings.SetChatTemplate(File.ReadAllText(file));
        }

        string more = Path.Combine(folder, TokenizerWriter.TemplateFolder);
        if (Directory.Exists(more))
        {
            foreach (string path in Directory.EnumerateFiles(more, "*.jinja").Order(StringComparer.Ordinal))
            {
                settings.SetChatTemplate(File.ReadAllText(path), Path.GetFileNameWithoutExtension(path));
            }
        }
    }
}
