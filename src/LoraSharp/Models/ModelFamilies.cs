using LoraSharp.Layers;

namespace LoraSharp.Models;

/// <summary>The table of decoder-only families: how each one's config.json becomes the flags of the one decoder.</summary>
internal static class ModelFamilies
{
    private static readonly Dictionary<string, Func<ModelConfig, DecoderConfig>> Decoders = new(StringComparer.Ordinal)
    {
        ["llama"] = Llama,
    };

    public static DecoderConfig Decoder(ModelConfig config) =>
        Decoders.TryGetValue(config.ModelType, out Func<ModelConfig, DecoderConfig>? family)
            ? family(config)
            : throw config.Error($"the architecture '{config.ModelType}' is not supported as a causal language model; supported: {string.Join(", ", Decoders.Keys.Order(StringComparer.Ordinal))}");

    private static DecoderConfig Llama(ModelConfig config)
    {
        int heads = config.Integer("num_attention_heads"), hidden = config.Integer("hidden_size");
        int headDim = config.Integer("head_dim", hidden / heads);
        string activation = config.Text("hidden_act", "silu");
        if (activation != "silu")
        {
            throw config.Error($"hidden_act is '{activation}'; Llama models with 'silu' are supported");
        }

        bool attentionBias = config.Flag("attention_bias", false);
        return new DecoderConfig
        {
            VocabSize = config.Integer("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = config.Integer("intermediate_size"),
            Layers = config.Integer("num_hidden_layers"),
            Heads = heads,
            KvHeads = config.Integer("num_key_value_heads", heads),
            HeadDim = headDim,
            NormEps = config.Number("rms_norm_eps", 1e-6),
            Rope = Rope(config, headDim),
            TieWordEmbeddings = config.Flag("tie_word_embeddings", false),
            QkvBias = attentionBias,
            OutputBias = attentionBias,
            MlpBias = config.Flag("mlp_bias", false),
            PaddingId = config.OptionalInteger("pad_token_id"),
            InitializerRange = config.Number("initializer_range", 0.02),
        };
    }

    // Newer files write rope_parameters; older ones rope_theta and rope_scaling.
    private static RopeOptions Rope(ModelConfig config, int headDim)
    {
        ModelConfig? block = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        int maxPositions = config.Integer("max_position_embeddings", 2048);
        string type = block?.Text("rope_type", block.Text("type", "default")) ?? "default";
        if (type is not ("default" or "linear" or "llama3"))
        {
            throw config.Error($"the RoPE scaling '{type}' is not supported");
        }

        return new RopeOptions
        {
            RotaryDim = headDim,
            Type = type,
            Theta = block?.Has("rope_theta") == true ? block.Number("rope_theta") : config.Number("rope_theta", 10_000),
            Factor = block?.Has("factor") == true ? block.Number("factor") : null,
            MaxPositions = maxPositions,
            OriginalMaxPositions = config.OptionalInteger("original_max_position_embeddings") ?? block?.OptionalInteger("original_max_position_embeddings") ?? maxPositions,
            LowFrequencyFactor = block?.Number("low_freq_factor", 1) ?? 1,
            HighFrequencyFactor = block?.Number("high_freq_factor", 4) ?? 4,
        };
    }
}
