using System.Text.Json.Nodes;
using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Lora;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.AdaLora;

/// <summary>AdaLoRA.</summary>
internal sealed class AdaLoraMethod : LayerMethod
{
    private const string RankPattern = "rank_pattern";

    // Keys of LoRA's configuration that this method inherits and does not use.
    private static readonly string[] Unused =
    [
        "alpha_pattern", "corda_config", "ensure_weight_tying", "eva_config", "init_lora_weights", "loftq_config", "lora_bias", "lora_ga_config", "megatron_config", "megatron_core",
        "qalora_group_size", "r", "target_parameters",
    ];

    private static readonly string[] Unsupported =
    [
        "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "monteclora_config", "trainable_token_indices", "use_bdlora", "use_dora", "use_qalora", "use_rslora",
        "velora_config",
    ];

    public static AdaLoraMethod Instance { get; } = new();

    public override string PeftType => "ADALORA";

    public override string Takes => "linear layers";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase;

    public override IReadOnlyList<string>? DefaultTargets(string modelType) => DefaultTargetTable.Find(modelType);

    public override AdapterConfig Read(ConfigReader json)
    {
        foreach (string key in Unsupported)
        {
            json.RequireOff(key);
        }

        json.Ignore(Unused);
        return json.Common(new AdaLoraConfig
        {
            InitR = json.Integer("init_r", 12),
            TargetR = json.Integer("target_r", 8),
            Alpha = json.Number("lora_alpha", 8),
            Dropout = json.Number("lora_dropout", 0),
            TInit = json.Integer("tinit", 0),
            TFinal = json.Integer("tfinal", 0),
            DeltaT = json.Integer("deltaT", 1),
            Beta1 = json.Number("beta1", 0.85),
            Beta2 = json.Number("beta2", 0.85),
            OrthogonalWeight = json.Number("orth_reg_weight", 0.5),
            TotalStep = json.Has("total_step") ? json.Integer("total_step", 0) : null,
            Bias = json.Bias("lora_only"),
            FanInFanOut = json.Flag("fan_in_fan_out", false),
            Kept = ReadKept(json),
        });
    }

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var ada = (AdaLoraConfig)config;
        LoraConfigJson.WriteLoraKeys(json);
        json.Common(config);
        json.Targets(config);
        config.WriteLayers(json);
        json.Set("r", 8);
        json.Set("init_r", ada.InitR);
        json.Set("target_r", ada.TargetR);
        json.Set("lora_alpha", ConfigWriter.Number(ada.Alpha));
        json.Set("lora_dropout", ConfigWriter.Float(ada.Dropout));
        json.Set("tinit", ada.TInit);
        json.Set("tfinal", ada.TFinal);
        json.Set("deltaT", ada.DeltaT);
        json.Set("beta1", ConfigWriter.Float(ada.Beta1));
        json.Set("beta2", ConfigWriter.Float(ada.Beta2));
        json.Set("orth_reg_weight", ConfigWriter.Float(ada.OrthogonalWeight));
        json.Set("total_step", ada.TotalStep is { } total ? JsonValue.Create(total) : null);
        json.Bias(ada.Bias, "lora_only");
        json.Set("fan_in_fan_out", ada.FanInFanOut);
        json.Set(RankPattern, ada.Kept is { } kept ? ConfigWriter.Table(kept, mask => ConfigWriter.List(mask)!) : null);
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize)
    {
        var ada = (AdaLoraConfig)config;

        // A file whose budget has cut singular values holds the kept rows only.
        bool[]? kept = ada.Kept?.FirstOrDefault(entry => $".{entry.Key}.".Contains($".{path}.", StringComparison.Ordinal)).Value;
        return new AdaLoraLayer(layer, kept?.Count(k => k) ?? ada.InitR, ada);
    }

    public override AdapterConfig Resolve(AdapterConfig config, nn.Module root, IReadOnlyList<string> paths) => (AdaLoraConfig)config with { FanInFanOut = StoresTransposed(root, paths) };

    private static IReadOnlyList<KeyValuePair<string, bool[]>>? ReadKept(ConfigReader json) => json.Node(RankPattern) switch
    {
        null or JsonObject { Count: 0 } => null,
        JsonObject table when table.All(entry => entry.Value is JsonArray) =>
            [.. table.Select(entry => KeyValuePair.Create(entry.Key, entry.Value!.AsArray().Select(item => item!.GetValue<bool>()).ToArray()))],
        var other => throw json.Error(RankPattern, other, "an object of lists of true and false"),
    };
}
