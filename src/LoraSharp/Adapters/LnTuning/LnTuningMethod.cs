using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Planning;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.LnTuning;

/// <summary>LN tuning.</summary>
internal sealed class LnTuningMethod : AdapterMethod
{
    /// <summary>What stands before the parameters' names in a file.</summary>
    public const string KeyPrefix = "ln_tuning_layers.";

    // PEFT's table.
    private static readonly Dictionary<string, string[]> Targets = new(StringComparer.Ordinal)
    {
        ["bart"] = ["self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"],
        ["bert"] = ["LayerNorm"],
        ["falcon"] = ["input_layernorm", "post_attention_layernorm", "ln_f"],
        ["gemma"] = ["input_layernorm", "post_attention_layernorm", "norm"],
        ["gpt2"] = ["ln_1", "ln_2", "ln_f"],
        ["llama"] = ["input_layernorm", "post_attention_layernorm", "norm"],
        ["mistral"] = ["input_layernorm", "post_attention_layernorm", "norm"],
        ["phi"] = ["input_layernorm", "final_layernorm"],
        ["qwen2"] = ["post_attention_layernorm"],
        ["qwen3"] = ["post_attention_layernorm"],
        ["t5"] = ["layer_norm", "final_layer_norm"],
    };

    public static LnTuningMethod Instance { get; } = new();

    public override string PeftType => "LN_TUNING";

    public override IReadOnlyList<string>? DefaultTargets(string modelType) => Targets.GetValueOrDefault(modelType);

    public override AdapterConfig Read(ConfigReader json) => json.Common(new LnTuningConfig());

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        json.Common(config);
        json.Targets(config);
    }

    public override AdapterPlan Plan(nn.Module root, AdapterConfig config, string adapter, bool initialize) => new LnTuningPlan(root, config, adapter);
}
