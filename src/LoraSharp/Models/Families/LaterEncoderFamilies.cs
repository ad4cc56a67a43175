using LoraSharp.Layers;
using static LoraSharp.Models.Families.FamilyConfig;

namespace LoraSharp.Models.Families;

/// <summary>Encoders after BERT: DeBERTa v2 and v3, ModernBERT.</summary>
internal static class LaterEncoderFamilies
{
    /// <summary>Scores that depend on contents and relative positions; larger v2 models have a convolution as well.</summary>
    public static ModelSpec Deberta(ModelConfig config)
    {
        const double Eps = 1e-7;
        int hidden = config.Size("hidden_size"), size = config.OptionalInteger("embedding_size") ?? hidden;
        TransformerConfig body = BertFamilies.Body(config, size, paddingId: 0, Eps, defaultTypes: 0);
        string[] kinds = PositionKinds(config);
        bool relative = config.Flag("relative_attention", false), content = kinds.Contains("c2p"), position = kinds.Contains("p2c");
        body = body with
        {
            Embedding = body.Embedding with
            {
                Positions = config.Flag("position_biased_input", true) ? body.Embedding.Positions : null,
                InnerProjection = size == hidden ? null : "embeddings.embed_proj",
                ZeroPadding = true,
            },
            Attention = body.Attention with
            {
                Query = "attention.self.query_proj",
                Key = "attention.self.key_proj",
                Value = "attention.self.value_proj",
                Scale = Math.Pow(body.Attention.HeadDim * (1 + (content ? 1 : 0) + (position ? 1 : 0)), -0.5),
                Disentangled = relative && (content || position) ? Disentangled(config, content, position) : null,
            },
            RelativePositions = relative ? RelativePositions(config) : null,
            BlindPadding = true,
        };
        return new ModelSpec
        {
            ClassName = "DebertaV2",
            PaddingId = config.PaddingId(0),
            Layout = BertFamilies.Layout("deberta") with { Aliases = new Dictionary<string, string[]> { ["cls.predictions.bias"] = ["cls.predictions.decoder.bias"] } },
            Body = body,
            Masked = config.Flag("legacy", true) ? BertFamilies.Predictions(config, body) : null,
            Sequence = new SequenceHeadConfig
            {
                Pooling = TokenPooling.First,
                Transform = new HeadTransformConfig { Dense = "pooler.dense", Activation = config.Activation("pooler_hidden_act", "gelu") },
            },
            Token = new TokenHeadConfig(),
        };
    }

    /// <summary>Rotary positions, mostly local attention, gated feed-forward layers.</summary>
    public static ModelSpec ModernBert(ModelConfig config)
    {
        const double Eps = 1e-5, GlobalTheta = 160_000, LocalTheta = 10_000;
        const int DefaultEvery = 3, DefaultLocal = 128;
        int hidden = config.Size("hidden_size"), heads = config.Count("num_attention_heads"), layers = config.Count("num_hidden_layers");
        int headDim = config.HeadDim(hidden, heads), every = config.OptionalInteger("global_attn_every_n_layers") ?? DefaultEvery;
        int reach = (config.OptionalInteger("local_attention") ?? DefaultLocal) / 2;
        bool attentionBias = config.Flag("attention_bias", false);
        var norm = new NormConfig(config.Flag("norm_bias", false) ? NormKind.Layer : NormKind.LayerWithoutBias, config.Number("norm_eps", Eps));
        var transform = new HeadTransformConfig
        {
            Dense = "head.dense",
            DenseBias = config.Flag("classifier_bias", false),
            Activation = config.Activation("classifier_activation", "gelu"),
            Norm = "head.norm",
            NormConfig = norm,
        };
        return new ModelSpec
        {
            ClassName = "ModernBert",
            PaddingId = config.PaddingId(),
            Layout = BertFamilies.Layout("model"),
            Body = new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                Causal = false,
                Embedding = new EmbeddingConfig { Tokens = "embeddings.tok_embeddings", Size = hidden, Norm = "embeddings.norm", PaddingId = config.PaddingId() },
                Norm = norm,
                Attention = new AttentionConfig
                {
                    Heads = heads,
                    KvHeads = heads,
                    HeadDim = headDim,
                    Scale = Math.Pow(headDim, -0.5),
                    Fused = "attn.Wqkv",
                    Output = "attn.Wo",
                    QkvBias = attentionBias,
                    OutputBias = attentionBias,
                },
                FeedForward = new FeedForwardConfig
                {
                    Intermediate = config.Size("intermediate_size"),
                    Activation = config.Activation("hidden_activation", "gelu"),
                    Gate = null,
                    Up = "mlp.Wi",
                    Down = "mlp.Wo",
                    FusedGate = true,
                    Bias = config.Flag("mlp_bias", false),
                },
                Block = new BlockConfig { PreAttention = "attn_norm", PreFeedForward = "mlp_norm", FirstIsPlain = true },
                FinalNorm = "final_norm",
                Kinds = config.Kinds(layers, layer => layer % every != 0, reach, (_, type) => RopeReader.Read(
                    config, headDim, new RopeDefaults { Theta = type == RopeReader.Sliding ? LocalTheta : GlobalTheta }, type)),
                InitializerRange = config.Number("initializer_range", 0.02),
            },
            Masked = new MaskedHeadConfig
            {
                Transform = transform,
                Decoder = "decoder",
                Bias = config.Flag("decoder_bias", true) ? "decoder.bias" : null,
                Tied = config.Flag("tie_word_embeddings", true),
            },
            Sequence = new SequenceHeadConfig { Pooling = ClassifierPooling(config), Transform = transform },
            Token = new TokenHeadConfig { Transform = transform },
        };
    }

    private static string[] PositionKinds(ModelConfig config)
    {
        string[] kinds = config.IsText("pos_att_type") ? config.Text("pos_att_type").Split('|') : config.List<string>("pos_att_type") ?? [];
        return Array.Find(kinds, kind => kind is not ("c2p" or "p2c" or "none" or "")) is { } other
            ? throw config.Error($"pos_att_type '{other}' is not supported; supported: c2p, p2c")
            : kinds;
    }

    private static DisentangledConfig Disentangled(ModelConfig config, bool content, bool position)
    {
        bool shared = config.Flag("share_att_key", false);
        return new DisentangledConfig
        {
            ContentToPosition = content,
            PositionToContent = position,
            PositionKey = shared ? null : "attention.self.pos_key_proj",
            PositionQuery = shared ? null : "attention.self.pos_query_proj",
        };
    }

    private static RelativePositionsConfig RelativePositions(ModelConfig config)
    {
        int limit = config.OptionalInteger("max_relative_positions") ?? -1, buckets = Math.Max(config.OptionalInteger("position_buckets") ?? -1, 0);
        limit = limit < 1 ? config.Size("max_position_embeddings") : limit;
        int kernel = config.OptionalInteger("conv_kernel_size") ?? 0;
        return new RelativePositionsConfig
        {
            Vectors = "encoder.rel_embeddings",
            Span = buckets > 0 ? buckets : limit,
            Buckets = buckets,
            MaxDistance = limit,
            Norm = config.Text("norm_rel_ebd", "none").Contains("layer_norm", StringComparison.Ordinal) ? "encoder.LayerNorm" : null,
            Convolution = kernel > 0
                ? new ConvolutionConfig("encoder.conv.conv", "encoder.conv.LayerNorm", kernel, config.OptionalInteger("conv_groups") ?? 1, config.Activation("conv_act", "tanh"))
                : null,
        };
    }

    private static TokenPooling ClassifierPooling(ModelConfig config) => config.Text("classifier_pooling", "cls") switch
    {
        "cls" => TokenPooling.First,
        "mean" => TokenPooling.Mean,
        string other => throw config.Error($"classifier_pooling '{other}' is not supported; supported: cls, mean"),
    };
}
