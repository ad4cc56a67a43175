using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters.Files;

namespace LoraSharp.Adapters.Lora;

/// <summary>adapter_config.json of a LoRA adapter, with PEFT's keys, order and number formats.</summary>
internal static class LoraConfigJson
{
    // Features that a file may switch on and that change the numbers: to ignore one would be to load another model.
    private static readonly string[] Unsupported =
    [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config", "use_bdlora", "use_qalora", "velora_config",
    ];

    public static LoraConfig Read(ConfigReader json)
    {
        foreach (string key in Unsupported)
        {
            json.RequireOff(key);
        }

        json.RequireOff("ensure_weight_tying");
        json.Ignore("corda_config", "eva_config", "loftq_config", "lora_ga_config", "megatron_config", "megatron_core", "qalora_group_size");
        return json.Common(new LoraConfig
        {
            R = json.Integer("r", 8),
            Alpha = json.Number("lora_alpha", 8),
            Dropout = json.Number("lora_dropout", 0),
            Bias = json.Bias("lora_only"),
            UseRsLora = json.Flag("use_rslora", false),
            UseDora = json.Flag("use_dora", false),
            LoraBias = json.Flag("lora_bias", false),
            FanInFanOut = json.Flag("fan_in_fan_out", false),
            Init = ReadInit(json),
            RankPattern = json.Table<int>("rank_pattern"),
            AlphaPattern = json.Table<double>("alpha_pattern"),
            TrainableTokens = ReadTokens(json),
            LayerReplication = ReadReplication(json),
            TargetParameters = json.List<string>("target_parameters"),
        });
    }

    public static void Write(LoraConfig config, ConfigWriter json)
    {
        WriteLoraKeys(json);
        json.Common(config);
        json.Targets(config);
        config.WriteLayers(json);
        json.Set("r", config.R);
        json.Set("lora_alpha", ConfigWriter.Number(config.Alpha));
        json.Set("lora_dropout", ConfigWriter.Float(config.Dropout));
        json.Bias(config.Bias, "lora_only");
        json.Set("use_rslora", config.UseRsLora);
        json.Set("use_dora", config.UseDora);
        json.Set("lora_bias", config.LoraBias);
        json.Set("fan_in_fan_out", config.FanInFanOut);
        json.Set("rank_pattern", ConfigWriter.Table(config.RankPattern, value => JsonValue.Create(value)));
        json.Set("alpha_pattern", ConfigWriter.Table(config.AlphaPattern, ConfigWriter.Number));
        json.Set("target_parameters", ConfigWriter.ListOrNull(config.TargetParameters));
        json.Set("trainable_token_indices", config.TrainableTokens switch
        {
            null => null,
            { Tokens: { } tokens } => ConfigWriter.List(tokens),
            var byModule => ConfigWriter.Table(byModule.ByModule, tokens => ConfigWriter.List(tokens)!),
        });
        json.Set("layer_replication", config.LayerReplication.Count == 0
            ? null
            : new JsonArray([.. config.LayerReplication.Select(range => (JsonNode)new JsonArray(range.From, range.To))]));
        WriteInit(config.Init, json);
    }

    /// <summary>The keys that every configuration derived from LoRA's has, with their defaults.</summary>
    public static void WriteLoraKeys(ConfigWriter json)
    {
        json.Nulls(Unsupported);
        json.Nulls(
            "corda_config", "eva_config", "exclude_modules", "layer_replication", "layers_pattern", "layers_to_transform", "lora_ga_config", "megatron_config",
            "target_parameters", "trainable_token_indices");
        json.Set("alpha_pattern", new JsonObject());
        json.Set("rank_pattern", new JsonObject());
        json.Set("ensure_weight_tying", false);
        json.Set("fan_in_fan_out", false);
        json.Set("init_lora_weights", true);
        json.Set("loftq_config", new JsonObject());
        json.Set("lora_bias", false);
        json.Set("megatron_core", "megatron.core");
        json.Set("qalora_group_size", 16);
        json.Set("use_dora", false);
        json.Set("use_qalora", false);
        json.Set("use_rslora", false);
    }

    private static LoraInit ReadInit(ConfigReader json)
    {
        JsonNode? node = json.Node("init_lora_weights");
        if (node is null || node.GetValueKind() is JsonValueKind.True or JsonValueKind.False)
        {
            return node?.GetValueKind() == JsonValueKind.False ? LoraInit.Random : LoraInit.Default;
        }

        string name = json.Text("init_lora_weights")!;
        const string Fast = "pissa_niter_";
        return name switch
        {
            "gaussian" => LoraInit.Gaussian,
            "orthogonal" => LoraInit.Orthogonal,
            "olora" => LoraInit.Olora,
            "pissa" => LoraInit.Pissa(),
            "loftq" => LoraInit.Loftq((json.Node("loftq_config") as JsonObject)?["loftq_iter"]?.GetValue<int>() ?? 1),
            "eva" => LoraInit.FromActivations(ReadEva(json.Node("eva_config") as JsonObject)),
            "corda" => LoraInit.FromCovariance(new CordaOptions { PreserveKnowledge = (string?)(json.Node("corda_config") as JsonObject)?["corda_method"] == "kpm" }),
            _ when name.StartsWith(Fast, StringComparison.Ordinal) && int.TryParse(name.AsSpan(Fast.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int rounds) && rounds > 0 =>
                LoraInit.Pissa(rounds),

            // The values come from the file, so how they once began is of no importance.
            _ => LoraInit.Default,
        };
    }

    private static EvaOptions ReadEva(JsonObject? json) => new()
    {
        Rho = json?["rho"]?.GetValue<double>() ?? 2,
        Tau = json?["tau"]?.GetValue<double>() ?? 0.99,
        Whiten = json?["whiten"]?.GetValue<bool>() ?? false,
        AdjustScaling = json?["adjust_scaling_factors"]?.GetValue<bool>() ?? true,
    };

    private static void WriteInit(LoraInit init, ConfigWriter json)
    {
        json.Set("init_lora_weights", init.Kind switch
        {
            LoraInitKind.Default => true,
            LoraInitKind.Random => false,
            LoraInitKind.PissaFast => string.Create(CultureInfo.InvariantCulture, $"pissa_niter_{init.Iterations}"),
            _ => init.Kind.ToString().ToLowerInvariant(),
        });
        if (init.Kind == LoraInitKind.Loftq)
        {
            json.Set("loftq_config", new JsonObject { ["loftq_bits"] = 4, ["loftq_iter"] = init.Iterations });
        }

        if (init.Eva is { } eva)
        {
            json.Set("eva_config", new JsonObject
            {
                ["rho"] = ConfigWriter.Float(eva.Rho),
                ["tau"] = ConfigWriter.Float(eva.Tau),
                ["use_label_mask"] = true,
                ["label_mask_value"] = -100,
                ["whiten"] = eva.Whiten,
                ["adjust_scaling_factors"] = eva.AdjustScaling,
            });
        }

        if (init.Corda is { } corda)
        {
            json.Set("corda_config", new JsonObject
            {
                ["cache_file"] = null,
                ["covariance_file"] = null,
                ["corda_method"] = corda.PreserveKnowledge ? "kpm" : "ipm",
                ["verbose"] = false,
                ["use_float16_for_covariance"] = false,
                ["prune_temporary_fields"] = true,
            });
        }
    }

    private static TrainableTokens? ReadTokens(ConfigReader json) => json.Node("trainable_token_indices") switch
    {
        null => null,
        JsonArray => TrainableTokens.Of(json.List<long>("trainable_token_indices")),
        JsonObject table => TrainableTokens.Of([.. table.Select(entry => KeyValuePair.Create(entry.Key, Tokens(entry.Value)))]),
        var other => throw json.Error("trainable_token_indices", other, "a list or an object of lists of token ids"),
    };

    private static IReadOnlyList<long> Tokens(JsonNode? node) => node is JsonArray array ? [.. array.Select(item => item!.GetValue<long>())] : [];

    private static IReadOnlyList<LayerRange> ReadReplication(ConfigReader json) => json.Node("layer_replication") switch
    {
        null => [],
        JsonArray ranges when ranges.All(range => range is JsonArray { Count: 2 }) => [.. ranges.Select(range => new LayerRange(range![0]!.GetValue<int>(), range[1]!.GetValue<int>()))],
        var other => throw json.Error("layer_replication", other, "a list of pairs"),
    };
}
