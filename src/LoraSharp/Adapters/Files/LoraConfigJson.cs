using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Adapters.Files;

/// <summary>adapter_config.json of a LoRA adapter, with PEFT's keys, order and number formats.</summary>
internal static class LoraConfigJson
{
    /// <summary>Version of PEFT whose key set is written.</summary>
    private const string PeftVersion = "0.21.2";

    // Features that a file may switch on and that change the numbers: to ignore one would be to load another model.
    private static readonly string[] Unsupported =
    [
        "alora_invocation_tokens", "arrow_config", "fan_in_fan_out", "kasa_config", "layer_replication", "layers_to_transform", "lora_bias", "monteclora_config",
        "target_parameters", "trainable_token_indices", "use_bdlora", "use_dora", "use_qalora", "velora_config",
    ];

    private static readonly string[] Ignored =
    [
        "auto_mapping", "corda_config", "ensure_weight_tying", "eva_config", "init_lora_weights", "inference_mode", "layers_pattern", "loftq_config", "lora_ga_config",
        "megatron_config", "megatron_core", "peft_version", "qalora_group_size", "revision",
    ];

    private static readonly string[] Read =
    [
        "alpha_pattern", "base_model_name_or_path", "bias", "exclude_modules", "lora_alpha", "lora_dropout", "modules_to_save", "peft_type", "r", "rank_pattern",
        "target_modules", "task_type", "use_rslora",
    ];

    public static JsonObject Write(LoraConfig config)
    {
        var values = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal);
        foreach (string key in Unsupported.Concat(Ignored))
        {
            values[key] = null;
        }

        values["alpha_pattern"] = Pattern(config.AlphaPattern.Select(p => KeyValuePair.Create(p.Key, Number(p.Value))));
        values["base_model_name_or_path"] = config.BaseModelNameOrPath;
        values["bias"] = config.Bias switch { LoraBias.All => "all", LoraBias.LoraOnly => "lora_only", _ => "none" };
        values["ensure_weight_tying"] = false;
        values["exclude_modules"] = Targets(config.ExcludeModules);
        values["fan_in_fan_out"] = false;
        values["inference_mode"] = true;
        values["init_lora_weights"] = true;
        values["loftq_config"] = new JsonObject();
        values["lora_alpha"] = Number(config.Alpha);
        values["lora_bias"] = false;
        values["lora_dropout"] = Raw(config.Dropout.ToString("0.0###############", System.Globalization.CultureInfo.InvariantCulture));
        values["megatron_core"] = "megatron.core";
        values["modules_to_save"] = config.ModulesToSave.Count > 0 ? new JsonArray([.. config.ModulesToSave.Select(m => (JsonNode)m)]) : null;
        values["peft_type"] = config.PeftType;
        values["peft_version"] = PeftVersion;
        values["qalora_group_size"] = 16;
        values["r"] = config.R;
        values["rank_pattern"] = Pattern(config.RankPattern.Select(p => KeyValuePair.Create(p.Key, (JsonNode)p.Value)));
        values["target_modules"] = Targets(config.TargetModules);
        values["task_type"] = config.TaskType;
        values["use_dora"] = false;
        values["use_qalora"] = false;
        values["use_rslora"] = config.UseRsLora;
        return new JsonObject(values);
    }

    public static LoraConfig Parse(JsonObject json, string source, List<string> warnings)
    {
        foreach (string key in Unsupported)
        {
            if (json[key] is { } value && value.GetValueKind() is not JsonValueKind.False and not JsonValueKind.Null && value is not JsonArray { Count: 0 } and not JsonObject { Count: 0 })
            {
                throw new AdapterException($"{source}: '{key}' is {value.ToJsonString()}, a feature that this version does not support; to ignore it would give wrong results.");
            }
        }

        foreach (string key in json.Select(p => p.Key).Except(Unsupported).Except(Ignored).Except(Read))
        {
            warnings.Add($"{source}: the key '{key}' is not known and was ignored.");
        }

        try
        {
            return new LoraConfig
            {
                TaskType = (string?)json["task_type"],
                BaseModelNameOrPath = (string?)json["base_model_name_or_path"],
                TargetModules = ParseTargets(json["target_modules"]),
                ExcludeModules = ParseTargets(json["exclude_modules"]),
                ModulesToSave = json["modules_to_save"] is JsonArray names ? [.. names.Select(n => n!.GetValue<string>())] : [],
                R = json["r"]?.GetValue<int>() ?? 8,
                Alpha = json["lora_alpha"]?.GetValue<double>() ?? 8,
                Dropout = json["lora_dropout"]?.GetValue<double>() ?? 0,
                UseRsLora = json["use_rslora"]?.GetValue<bool>() ?? false,
                Bias = (string?)json["bias"] switch
                {
                    null or "none" => LoraBias.None,
                    "all" => LoraBias.All,
                    "lora_only" => LoraBias.LoraOnly,
                    string other => throw new AdapterException($"{source}: bias is '{other}'; it must be none, all or lora_only."),
                },
                RankPattern = json["rank_pattern"] is JsonObject ranks ? [.. ranks.Select(p => KeyValuePair.Create(p.Key, p.Value!.GetValue<int>()))] : [],
                AlphaPattern = json["alpha_pattern"] is JsonObject alphas ? [.. alphas.Select(p => KeyValuePair.Create(p.Key, p.Value!.GetValue<double>()))] : [],
            };
        }
        catch (Exception e) when (e is InvalidOperationException and not AdapterException or FormatException)
        {
            throw new AdapterException($"{source}: a value has the wrong type ({e.Message})", e);
        }
    }

    private static TargetModules? ParseTargets(JsonNode? node) => node switch
    {
        null => null,
        JsonArray names => names.Select(n => n!.GetValue<string>()).ToArray(),
        _ => TargetModules.FromString(node.GetValue<string>()),
    };

    private static JsonNode? Targets(TargetModules? targets) => targets switch
    {
        null => null,
        { IsAllLinear: true } => "all-linear",
        { Pattern: { } pattern } => pattern,
        _ => new JsonArray([.. targets.Names.Select(n => (JsonNode)n)]),
    };

    private static JsonObject Pattern(IEnumerable<KeyValuePair<string, JsonNode>> entries) =>
        new(entries.Select(e => KeyValuePair.Create<string, JsonNode?>(e.Key, e.Value)));

    // Whole numbers without a fraction, as PEFT writes the integer that the user gave.
    private static JsonNode Number(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value) : JsonValue.Create(value);

    private static JsonNode Raw(string number) => JsonNode.Parse(number)!;
}
