using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Hra;

/// <summary>HRA.</summary>
internal sealed class HraMethod : LayerMethod
{
    public static HraMethod Instance { get; } = new();

    public override string PeftType => "HRA";

    public override string Takes => "linear layers";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase;

    public override AdapterConfig Read(ConfigReader json) => json.Common(new HraConfig
    {
        R = json.Integer("r", 8),
        Orthogonalize = json.Flag("apply_GS", false),
        Bias = json.Bias("hra_only"),
        InitWeights = json.Flag("init_weights", true),
    });

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var hra = (HraConfig)config;
        json.Common(config);
        json.Targets(config);
        config.WriteLayers(json);
        json.Set("r", hra.R);
        json.Set("apply_GS", hra.Orthogonalize);
        json.Bias(hra.Bias, "hra_only");
        json.Set("init_weights", hra.InitWeights);
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize) => new HraLayer(layer, (HraConfig)config);
}
