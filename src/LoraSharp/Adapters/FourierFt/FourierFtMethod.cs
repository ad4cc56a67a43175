using System.Text.Json.Nodes;
using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Injection;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.FourierFt;

/// <summary>FourierFT.</summary>
internal sealed class FourierFtMethod : LayerMethod
{
    public static FourierFtMethod Instance { get; } = new();

    public override string PeftType => "FOURIERFT";

    public override string Takes => "linear layers";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase;

    public override IReadOnlyList<string>? DefaultTargets(string modelType) => DefaultTargetTable.Find(modelType);

    public override AdapterConfig Read(ConfigReader json) => json.Common(new FourierFtConfig
    {
        Frequencies = json.Integer("n_frequency", 1000),
        FrequencyPattern = json.Table<int>("n_frequency_pattern"),
        Scaling = json.Number("scaling", 150),
        Seed = (long)json.Number("random_loc_seed", 777),
        InitWeights = json.Flag("init_weights", false),
        Bias = json.Bias("fourier_only"),
        FanInFanOut = json.Flag("fan_in_fan_out", false),
    });

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var fourier = (FourierFtConfig)config;
        json.Common(config);
        json.Targets(config);
        config.WriteLayers(json);
        json.Set("n_frequency", fourier.Frequencies);
        json.Set("n_frequency_pattern", ConfigWriter.Table(fourier.FrequencyPattern, value => JsonValue.Create(value)));
        json.Set("scaling", ConfigWriter.Float(fourier.Scaling));
        json.Set("random_loc_seed", fourier.Seed);
        json.Set("init_weights", fourier.InitWeights);
        json.Bias(fourier.Bias, "fourier_only");
        json.Set("fan_in_fan_out", fourier.FanInFanOut);
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize)
    {
        var fourier = (FourierFtConfig)config;
        return new FourierFtLayer(layer, TargetMatcher.Lookup(fourier.FrequencyPattern, path, fourier.Frequencies), fourier, path);
    }

    public override AdapterConfig Resolve(AdapterConfig config, nn.Module root, IReadOnlyList<string> paths) => (FourierFtConfig)config with { FanInFanOut = StoresTransposed(root, paths) };
}
