using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Injection;
using LoraSharp.Adapters.Lora.Initialization;
using LoraSharp.Adapters.Planning;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>LoRA and its variants.</summary>
internal sealed class LoraMethod : LayerMethod
{
    public static LoraMethod Instance { get; } = new();

    public override string PeftType => "LORA";

    public override string Takes => "linear layers, embeddings and convolutions";

    public override bool CanAdapt(BaseLayer layer) => true;

    public override IReadOnlyList<string>? DefaultTargets(string modelType) => DefaultTargetTable.Find(modelType);

    public override AdapterConfig Read(ConfigReader json) => LoraConfigJson.Read(json);

    public override void Write(AdapterConfig config, ConfigWriter json) => LoraConfigJson.Write((LoraConfig)config, json);

    public override AdapterPlan Plan(nn.Module root, AdapterConfig config, string adapter, bool initialize) => new LoraPlan(root, (LoraConfig)config, adapter, initialize);

    public override LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize)
    {
        var lora = (LoraConfig)config;
        LoraSettings settings = Settings(lora, path);
        LoraLayer adapter = layer switch
        {
            LinearBase => new LoraLinear(layer, settings),
            EmbeddingBase when settings.HasBias => throw new AdapterException($"'{path}' is an embedding, whose B has no bias. Exclude it, or leave loraBias off."),
            EmbeddingBase => new LoraEmbedding(layer, settings),
            ConvolutionBase convolution => Convolution(convolution, settings, path),
            _ => throw new AdapterException($"LoRA cannot adapt '{path}'."),
        };
        if (initialize)
        {
            LoraStart.Randomly(adapter, lora.Init);
            adapter.Start = layer => LoraStart.Attached(adapter, layer, lora.Init, path);
        }

        return adapter;
    }

    public override AdapterConfig Resolve(AdapterConfig config, nn.Module root, IReadOnlyList<string> paths) =>
        (LoraConfig)config with { FanInFanOut = StoresTransposed(root, paths) };

    /// <summary>Rank, scaling and flags of the layer at a path.</summary>
    public static LoraSettings Settings(LoraConfig config, string path)
    {
        int r = TargetMatcher.Lookup(config.RankPattern, path, config.R);
        double alpha = TargetMatcher.Lookup(config.AlphaPattern, path, config.Alpha);
        return new LoraSettings(r, alpha, config.Scaling(r, alpha), config.Dropout, config.LoraBias, config.UseDora);
    }

    private static LoraConvolution Convolution(ConvolutionBase layer, LoraSettings settings, string path)
    {
        if (settings.R % layer.Groups != 0)
        {
            throw new AdapterException($"'{path}' is a convolution with {layer.Groups} groups; r is {settings.R} and must be a multiple of that.");
        }

        if (layer.Groups > 1 && settings.UsesDora)
        {
            throw new AdapterException($"'{path}' is a convolution with {layer.Groups} groups, which DoRA cannot adapt. Exclude it, or leave useDora off.");
        }

        return new LoraConvolution(layer, settings);
    }
}
