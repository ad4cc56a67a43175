using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Models;

/// <summary>Reads how the sentence-transformers library pools tokens, from the files that it writes beside a model.</summary>
internal static class SentenceSettings
{
    private const string ModulesFile = "modules.json";

    private static readonly (string Key, TokenPooling Pooling)[] Modes =
    [
        ("pooling_mode_mean_tokens", TokenPooling.Mean),
        ("pooling_mode_cls_token", TokenPooling.First),
        ("pooling_mode_max_tokens", TokenPooling.Max),
        ("pooling_mode_lasttoken", TokenPooling.Last),
    ];

    /// <summary>Pooling and whether vectors are normalised; the mean, and no, where the folder does not say.</summary>
    public static (TokenPooling Pooling, bool Normalize) Read(string? folder)
    {
        if (folder is null || !File.Exists(Path.Combine(folder, ModulesFile)))
        {
            return (TokenPooling.Mean, false);
        }

        TokenPooling pooling = TokenPooling.Mean;
        bool normalize = false;
        foreach (JsonNode? module in Parse(Path.Combine(folder, ModulesFile)) as JsonArray ?? [])
        {
            string type = module?["type"]?.ToString() ?? "";
            normalize |= type.EndsWith(".Normalize", StringComparison.Ordinal);
            if (type.EndsWith(".Pooling", StringComparison.Ordinal))
            {
                pooling = Mode(Path.Combine(folder, Path.GetFileName(module!["path"]?.ToString() ?? ""), ModelConfig.FileName));
            }
        }

        return (pooling, normalize);
    }

    private static TokenPooling Mode(string path)
    {
        if (!File.Exists(path))
        {
            return TokenPooling.Mean;
        }

        var config = new ModelConfig(Parse(path) as JsonObject ?? throw new ModelFormatException($"'{path}' is not a JSON object."), $"'{path}'");
        TokenPooling[] chosen = [.. Modes.Where(mode => config.Flag(mode.Key, false)).Select(mode => mode.Pooling)];
        return chosen.Length == 1
            ? chosen[0]
            : throw config.Error($"{chosen.Length} supported pooling modes are on; exactly one of {string.Join(", ", Modes.Select(mode => mode.Key))} is needed");
    }

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
