using LoraSharp.Adapters.Lycoris;
using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Injection;

namespace LoraSharp.Adapters.Loha;

/// <summary>LoHa.</summary>
internal sealed class LohaMethod : LayerMethod
{
    public static LohaMethod Instance { get; } = new();

    public override string PeftType => "LOHA";

    public override string Takes => "linear layers and convolutions";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase or ConvolutionBase;

    public override AdapterConfig Read(ConfigReader json) => json.Common(new LohaConfig
    {
        R = json.Integer("r", 8),
        Alpha = json.Number("alpha", 8),
        RankDropout = json.Number("rank_dropout", 0),
        ModuleDropout = json.Number("module_dropout", 0),
        UseEffectiveConv2d = json.Flag("use_effective_conv2d", false),
        RankPattern = json.Table<int>("rank_pattern"),
        AlphaPattern = json.Table<double>("alpha_pattern"),
        InitWeights = json.Flag("init_weights", true),
    });

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var loha = (LohaConfig)config;
        LycorisKeys.Write(
            loha, json, loha.R, loha.Alpha, loha.RankPattern, loha.AlphaPattern, loha.RankDropout, loha.ModuleDropout, loha.UseEffectiveConv2d, loha.InitWeights);
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize)
    {
        var loha = (LohaConfig)config;
        return new LohaLayer(layer, TargetMatcher.Lookup(loha.RankPattern, path, loha.R), TargetMatcher.Lookup(loha.AlphaPattern, path, loha.Alpha), loha);
    }
}
