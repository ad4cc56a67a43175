using System.Globalization;
using System.Text.Json.Nodes;

namespace LoraSharp.Adapters.Files;

/// <summary>Collects the keys of an adapter_config.json, which PEFT writes in alphabetical order, with Python's spelling of numbers.</summary>
internal sealed class ConfigWriter
{
    /// <summary>Version of PEFT whose key set is written.</summary>
    private const string PeftVersion = "0.21.2";

    private readonly SortedDictionary<string, JsonNode?> _values = new(StringComparer.Ordinal);

    public void Set(string key, JsonNode? value) => _values[key] = value;

    public void Nulls(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            _values[key] = null;
        }
    }

    /// <summary>The keys that every method has.</summary>
    public void Common(AdapterConfig config)
    {
        Set("task_type", config.TaskType);
        Set("base_model_name_or_path", config.BaseModelNameOrPath);
        Set("revision", config.Revision);
        Set("auto_mapping", config.AutoMapping?.DeepClone());
        Set("modules_to_save", ListOrNull(config.ModulesToSave));
        Set("inference_mode", true);
        Set("peft_type", config.PeftType);
        Set("peft_version", PeftVersion);
    }

    /// <summary>The key <c>bias</c>, whose third value is named after the method.</summary>
    public void Bias(AdapterBias bias, string only) => Set("bias", bias switch { AdapterBias.All => "all", AdapterBias.AdaptedLayers => only, _ => "none" });

    /// <summary>The keys of methods that adapt layers.</summary>
    public void Targets(AdapterConfig config)
    {
        Set("target_modules", Targets(config.TargetModules));
        Set("exclude_modules", Targets(config.ExcludeModules));
    }

    public JsonObject ToJson() => new(_values);

    public static JsonNode? Targets(TargetModules? targets) => targets switch
    {
        null => null,
        { IsAllLinear: true } => "all-linear",
        { Pattern: { } pattern } => pattern,
        _ => List(targets.Names),
    };

    public static JsonArray? List<T>(IReadOnlyList<T>? items) => items is null ? null : new JsonArray([.. items.Select(item => (JsonNode)JsonValue.Create(item)!)]);

    public static JsonArray? ListOrNull<T>(IReadOnlyList<T> items) => items.Count > 0 ? List(items) : null;

    public static JsonObject Table<T>(IEnumerable<KeyValuePair<string, T>> entries, Func<T, JsonNode> value) =>
        new(entries.Select(e => KeyValuePair.Create<string, JsonNode?>(e.Key, value(e.Value))));

    /// <summary>A number that the user may have given as a whole one: without a fraction where there is none.</summary>
    public static JsonNode Number(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value) : Float(value);

    /// <summary>A number that always has a fraction or an exponent, as Python's repr of a float.</summary>
    public static JsonNode Float(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        if (text.Contains('E', StringComparison.Ordinal))
        {
            // .NET writes 6E-05, Python 6e-05.
            return JsonNode.Parse(text.Replace('E', 'e'))!;
        }

        return JsonNode.Parse(text.Contains('.', StringComparison.Ordinal) ? text : text + ".0")!;
    }
}
