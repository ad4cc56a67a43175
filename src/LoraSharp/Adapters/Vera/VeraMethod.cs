using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using LoraSharp.Adapters.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Vera;

/// <summary>VeRA.</summary>
internal sealed class VeraMethod : LayerMethod
{
    public static VeraMethod Instance { get; } = new();

    public override string PeftType => "VERA";

    public override string Takes => "linear layers";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase;

    public override IReadOnlyList<string>? DefaultTargets(string modelType) => DefaultTargetTable.Find(modelType);

    public override AdapterConfig Read(ConfigReader json) => json.Common(new VeraConfig
    {
        R = json.Integer("r", 256),
        ProjectionPrngKey = (long)json.Number("projection_prng_key", 0),
        SaveProjection = json.Flag("save_projection", true),
        Dropout = json.Number("vera_dropout", 0),
        DInitial = json.Number("d_initial", 0.1),
        Bias = json.Bias("vera_only"),
        InitWeights = json.Flag("init_weights", true),
        FanInFanOut = json.Flag("fan_in_fan_out", false),
    });

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var vera = (VeraConfig)config;
        json.Common(config);
        json.Set("target_modules", ConfigWriter.Targets(config.TargetModules));
        config.WriteLayers(json);
        json.Set("r", vera.R);
        json.Set("projection_prng_key", vera.ProjectionPrngKey);
        json.Set("save_projection", vera.SaveProjection);
        json.Set("vera_dropout", ConfigWriter.Float(vera.Dropout));
        json.Set("d_initial", ConfigWriter.Float(vera.DInitial));
        json.Bias(vera.Bias, "vera_only");
        json.Set("init_weights", vera.InitWeights);
        json.Set("fan_in_fan_out", vera.FanInFanOut);
    }

    // Drawn for the largest layer; smaller ones take the beginning.
    public override SharedTensors Share(AdapterConfig config, IReadOnlyList<BaseLayer> layers)
    {
        var vera = (VeraConfig)config;
        using var generator = new Generator((ulong)vera.ProjectionPrngKey);
        return new SharedTensors(
            [
                ("vera_A", Draw(vera.R, layers.Max(layer => layer.InFeatures))),
                ("vera_B", Draw(layers.Max(layer => layer.OutFeatures), vera.R)),
            ],
            vera.SaveProjection);

        Parameter Draw(long rows, long columns)
        {
            using var scope = NewDisposeScope();
            double bound = Math.Sqrt(6.0 / columns);
            Parameter drawn = ParameterCopy.New(empty([rows, columns], dtype: ScalarType.Float32).uniform_(-bound, bound, generator));
            drawn.requires_grad_(false);
            return drawn;
        }
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize) => new VeraLayer(layer, shared!, (VeraConfig)config);

    public override AdapterConfig Resolve(AdapterConfig config, nn.Module root, IReadOnlyList<string> paths) => (VeraConfig)config with { FanInFanOut = StoresTransposed(root, paths) };
}
