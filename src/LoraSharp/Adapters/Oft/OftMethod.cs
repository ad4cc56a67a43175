using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Oft;

/// <summary>OFT.</summary>
internal sealed class OftMethod : LayerMethod
{
    public static OftMethod Instance { get; } = new();

    public override string PeftType => "OFT";

    public override string Takes => "linear layers";

    public override bool CanAdapt(BaseLayer layer) => layer is LinearBase;

    public override IReadOnlyList<string>? DefaultTargets(string modelType) => DefaultTargetTable.Find(modelType);

    public override AdapterConfig Read(ConfigReader json)
    {
        json.RequireOff("coft");
        return json.Common(new OftConfig
        {
            R = json.Integer("r", 0),
            BlockSize = json.Integer("oft_block_size", 32),
            BlockShare = json.Flag("block_share", false),
            UseCayleyNeumann = json.Flag("use_cayley_neumann", true),
            CayleyNeumannTerms = json.Integer("num_cayley_neumann_terms", 5),
            ModuleDropout = json.Number("module_dropout", 0),
            Bias = json.Bias("oft_only"),
            InitWeights = json.Flag("init_weights", true),
            Eps = json.Number("eps", 6e-5),
            FanInFanOut = json.Flag("fan_in_fan_out", false),
        });
    }

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var oft = (OftConfig)config;
        json.Common(config);
        json.Targets(config);
        config.WriteLayers(json);
        json.Set("r", oft.R);
        json.Set("oft_block_size", oft.BlockSize);
        json.Set("block_share", oft.BlockShare);
        json.Set("use_cayley_neumann", oft.UseCayleyNeumann);
        json.Set("num_cayley_neumann_terms", oft.CayleyNeumannTerms);
        json.Set("module_dropout", ConfigWriter.Float(oft.ModuleDropout));
        json.Bias(oft.Bias, "oft_only");
        json.Set("init_weights", oft.InitWeights);
        json.Set("coft", false);
        json.Set("eps", ConfigWriter.Float(oft.Eps));
        json.Set("fan_in_fan_out", oft.FanInFanOut);
    }

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize) => new OftLayer(layer, (OftConfig)config, path);
}
