using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Injection;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Ia3;

/// <summary>(IA)³.</summary>
internal sealed class Ia3Method : LayerMethod
{
    // PEFT's tables: targets, of which the last is the feed-forward one.
    private static readonly Dictionary<string, string[]> Targets = new(StringComparer.Ordinal)
    {
        ["bart"] = ["k_proj", "v_proj", "fc2"],
        ["bert"] = ["key", "value", "output.dense"],
        ["deberta"] = ["in_proj", "output.dense"],
        ["deberta-v2"] = ["key_proj", "value_proj", "output.dense"],
        ["falcon"] = ["query_key_value", "dense_4h_to_h"],
        ["gemma"] = ["q_proj", "v_proj", "down_proj"],
        ["gemma2"] = ["q_proj", "v_proj", "down_proj"],
        ["gemma3_text"] = ["q_proj", "v_proj", "down_proj"],
        ["gpt2"] = ["c_attn", "mlp.c_proj"],
        ["gpt_neox"] = ["query_key_value", "dense_4h_to_h"],
        ["llama"] = ["k_proj", "v_proj", "down_proj"],
        ["mbart"] = ["k_proj", "v_proj", "fc2"],
        ["mistral"] = ["k_proj", "v_proj", "down_proj"],
        ["mixtral"] = ["k_proj", "v_proj", "w2"],
        ["opt"] = ["q_proj", "k_proj", "fc2"],
        ["phi"] = ["q_proj", "v_proj", "fc2"],
        ["qwen2"] = ["q_proj", "v_proj", "down_proj"],
        ["qwen3"] = ["q_proj", "v_proj", "down_proj"],
        ["roberta"] = ["key", "value", "output.dense"],
        ["t5"] = ["k", "v", "wo"],
        ["xlm-roberta"] = ["key", "value", "output.dense"],
    };

    public static Ia3Method Instance { get; } = new();

    public override string PeftType => "IA3";

    public override string Takes => "linear layers and convolutions";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase or ConvolutionBase;

    public override IReadOnlyList<string>? DefaultTargets(string modelType) => Targets.GetValueOrDefault(modelType);

    public override AdapterConfig Read(ConfigReader json) => json.Common(new Ia3Config
    {
        FeedforwardModules = json.Targets("feedforward_modules"),
        FanInFanOut = json.Flag("fan_in_fan_out", false),
        InitWeights = json.Flag("init_ia3_weights", true),
    });

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var ia3 = (Ia3Config)config;
        json.Common(config);
        json.Targets(config);
        json.Set("feedforward_modules", ConfigWriter.Targets(ia3.FeedforwardModules));
        json.Set("fan_in_fan_out", ia3.FanInFanOut);
        json.Set("init_ia3_weights", ia3.InitWeights);
    }

    public override AdapterConfig Prepare(AdapterConfig config, nn.Module root)
    {
        var ia3 = (Ia3Config)config;
        bool usual = ia3.TargetModules is null && ia3.FeedforwardModules is null;
        return usual && root is IPretrainedModel model && DefaultTargets(model.Config.ModelType) is { } targets ? ia3 with { FeedforwardModules = new[] { targets[^1] } } : ia3;
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize)
    {
        var ia3 = (Ia3Config)config;
        bool feedforward = ia3.FeedforwardModules is { } names && TargetMatcher.Of(names).IsMatch(path);
        return new Ia3Layer(layer, feedforward, ia3.InitWeights || !initialize);
    }

    public override AdapterConfig Resolve(AdapterConfig config, nn.Module root, IReadOnlyList<string> paths) => (Ia3Config)config with { FanInFanOut = StoresTransposed(root, paths) };
}
