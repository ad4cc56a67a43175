using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Models;

/// <summary>How the sentence-transformers library makes vectors with a model, from the files that it writes beside it.</summary>
/// <param name="Pooling">How tokens are pooled; the mean where the folder does not say.</param>
/// <param name="Normalize">Whether vectors are divided by their length.</param>
/// <param name="MaxLength">The most tokens of a text, special ones included; null where the folder does not say.</param>
/// <param name="LowerCase">Whether texts are written in lower case before they are cut into tokens.</param>
internal sealed record SentenceSettings(TokenPooling Pooling, bool Normalize, int? MaxLength, bool LowerCase)
{
    private const string ModulesFile = "modules.json";

    private const string TransformerFile = "sentence_bert_config.json";

    private static readonly (string Key, string Name, TokenPooling Pooling)[] Modes =
    [
        ("pooling_mode_mean_tokens", "mean", TokenPooling.Mean),
        ("pooling_mode_cls_token", "cls", TokenPooling.First),
        ("pooling_mode_max_tokens", "max", TokenPooling.Max),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", TokenPooling.MeanSqrtLength),
        ("pooling_mode_weightedmean_tokens", "weightedmean", TokenPooling.WeightedMean),
        ("pooling_mode_lasttoken", "lasttoken", TokenPooling.Last),
    ];

    /// <summary>Reads a model's folder; null: there is none.</summary>
    /// <exception cref="ModelFormatException">A file is malformed, or asks for a module that there is not.</exception>
    public static SentenceSettings Read(string? folder)
    {
        var settings = new SentenceSettings(TokenPooling.Mean, false, null, false);
        if (folder is null)
        {
            return settings;
        }

        string transformer = Path.Combine(folder, TransformerFile);
        if (File.Exists(transformer))
        {
            ModelConfig config = Config(transformer);
            settings = settings with { MaxLength = config.OptionalInteger("max_seq_length"), LowerCase = config.Flag("do_lower_case", false) };
        }

        string modules = Path.Combine(folder, ModulesFile);
        foreach (JsonNode? module in File.Exists(modules) ? Parse(modules) as JsonArray ?? [] : [])
        {
            settings = settings.With(module as JsonObject, folder);
        }

        return settings;
    }

    private SentenceSettings With(JsonObject? module, string folder)
    {
        string type = module?["type"]?.ToString() ?? "";
        return type[(type.LastIndexOf('.') + 1)..] switch
        {
            "Transformer" or "Dropout" => this,
            "Normalize" => this with { Normalize = true },
            "Pooling" => this with { Pooling = Mode(Path.Combine(folder, Path.GetFileName(module!["path"]?.ToString() ?? ""), ModelConfig.FileName)) },
            _ => throw new ModelFormatException(
                $"'{Path.Combine(folder, ModulesFile)}' has the module '{type}'; vectors are made with Transformer, Pooling and Normalize only. Delete {ModulesFile} to use the model without it."),
        };
    }

    private static TokenPooling Mode(string path)
    {
        if (!File.Exists(path))
        {
            return TokenPooling.Mean;
        }

        ModelConfig config = Config(path);
        string? name = config.Has("pooling_mode") ? config.Text("pooling_mode") : null;
        TokenPooling[] chosen = [.. Modes.Where(mode => name is null ? config.Flag(mode.Key, false) : mode.Name == name).Select(mode => mode.Pooling)];
        return chosen.Length == 1
            ? chosen[0]
            : throw config.Error($"{chosen.Length} supported pooling modes are on; exactly one of {string.Join(", ", Modes.Select(mode => mode.Key))} is needed");
    }

    private static ModelConfig Config(string path) =>
        new(Parse(path) as JsonObject ?? throw new ModelFormatException($"'{path}' is not a JSON object."), $"'{path}'");

    private static JsonNode? Parse(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path), null, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw new ModelFormatException($"'{path}' is not valid JSON: {e.Message}", e);
        }
    }
}
