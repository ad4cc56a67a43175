using LoraSharp.Adapters.Lycoris;
using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Injection;

namespace LoraSharp.Adapters.Lokr;

/// <summary>LoKr.</summary>
internal sealed class LokrMethod : LayerMethod
{
    public static LokrMethod Instance { get; } = new();

    public override string PeftType => "LOKR";

    public override string Takes => "linear layers and convolutions";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase or ConvolutionBase;

    public override AdapterConfig Read(ConfigReader json) => json.Common(new LokrConfig
    {
        R = json.Integer("r", 8),
        Alpha = json.Number("alpha", 8),
        RankDropout = json.Number("rank_dropout", 0),
        ModuleDropout = json.Number("module_dropout", 0),
        UseEffectiveConv2d = json.Flag("use_effective_conv2d", false),
        DecomposeBoth = json.Flag("decompose_both", false),
        DecomposeFactor = json.Integer("decompose_factor", -1),
        RankDropoutScale = json.Flag("rank_dropout_scale", false),
        RankPattern = json.Table<int>("rank_pattern"),
        AlphaPattern = json.Table<double>("alpha_pattern"),
        InitWeights = json.Flag("init_weights", true),
    });

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var lokr = (LokrConfig)config;
        LycorisKeys.Write(
            lokr, json, lokr.R, lokr.Alpha, lokr.RankPattern, lokr.AlphaPattern, lokr.RankDropout, lokr.ModuleDropout, lokr.UseEffectiveConv2d, lokr.InitWeights);
        json.Set("decompose_both", lokr.DecomposeBoth);
        json.Set("decompose_factor", lokr.DecomposeFactor);
        json.Set("rank_dropout_scale", lokr.RankDropoutScale);
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize)
    {
        var lokr = (LokrConfig)config;
        return new LokrLayer(layer, TargetMatcher.Lookup(lokr.RankPattern, path, lokr.R), TargetMatcher.Lookup(lokr.AlphaPattern, path, lokr.Alpha), lokr);
    }
}
