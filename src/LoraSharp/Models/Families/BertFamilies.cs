using LoraSharp.Layers;
using static LoraSharp.Models.Families.FamilyConfig;

namespace LoraSharp.Models.Families;

/// <summary>BERT and its line: learned positions, token types, norms after the sums.</summary>
internal static class BertFamilies
{
    private const double DefaultEps = 1e-12;

    public static ModelSpec Bert(ModelConfig config)
    {
        RefuseDecoder(config);
        TransformerConfig body = Body(config, config.Size("hidden_size"), paddingId: 0);
        return new ModelSpec
        {
            ClassName = "Bert",
            PaddingId = config.PaddingId(0),
            Layout = Layout("bert") with { Aliases = new Dictionary<string, string[]> { ["cls.predictions.bias"] = ["cls.predictions.decoder.bias"] } },
            Body = body,
            Masked = Predictions(config, body),
            Sequence = new SequenceHeadConfig { Pooling = TokenPooling.First, UsesPooler = true },
            Token = new TokenHeadConfig(),
            Pooler = new PoolerConfig("pooler.dense", "tanh"),
        };
    }

    /// <summary>RoBERTa and XLM-RoBERTa: positions count the tokens that are not padding.</summary>
    public static ModelSpec Roberta(ModelConfig config, string className)
    {
        const int Padding = 1;
        RefuseDecoder(config);
        TransformerConfig body = Body(config, config.Size("hidden_size"), Padding);
        return new ModelSpec
        {
            ClassName = className,
            PaddingId = config.PaddingId(Padding),
            Layout = Layout("roberta") with { Aliases = new Dictionary<string, string[]> { ["lm_head.bias"] = ["lm_head.decoder.bias"] } },
            Body = body with { Embedding = body.Embedding with { PositionRule = PositionRule.Ids } },
            Masked = new MaskedHeadConfig
            {
                Transform = new HeadTransformConfig { Dense = "lm_head.dense", Norm = "lm_head.layer_norm", NormConfig = body.Norm },
                Decoder = "lm_head.decoder",
                Bias = "lm_head.bias",
                Tied = config.Flag("tie_word_embeddings", true),
            },
            Sequence = TwoLayers("tanh"),
            Token = new TokenHeadConfig(),
            Pooler = new PoolerConfig("pooler.dense", "tanh"),
        };
    }

    /// <summary>ELECTRA: embeddings of a width of their own.</summary>
    public static ModelSpec Electra(ModelConfig config)
    {
        RefuseDecoder(config);
        int hidden = config.Size("hidden_size"), size = config.OptionalInteger("embedding_size") ?? hidden;
        TransformerConfig body = Body(config, size, paddingId: 0);
        return new ModelSpec
        {
            ClassName = "Electra",
            PaddingId = config.PaddingId(0),
            Layout = Layout("electra"),
            Body = body with { Embedding = body.Embedding with { Projection = size == hidden ? null : "embeddings_project" } },
            Masked = new MaskedHeadConfig
            {
                Transform = new HeadTransformConfig { Dense = "generator_predictions.dense", Norm = "generator_predictions.LayerNorm", NormConfig = body.Norm },
                Decoder = "generator_lm_head",
                Bias = "generator_lm_head.bias",
                Tied = config.Flag("tie_word_embeddings", true),
            },
            Sequence = TwoLayers("gelu"),
            Token = new TokenHeadConfig(),
        };
    }

    /// <summary>DistilBERT: no token types, names of its own.</summary>
    public static ModelSpec DistilBert(ModelConfig config)
    {
        int hidden = config.Size("dim", "hidden_size"), heads = config.Count("n_heads", "num_attention_heads"), layers = config.Count("n_layers", "num_hidden_layers");
        int headDim = config.HeadDim(hidden, heads);
        var norm = new NormConfig(NormKind.Layer, DefaultEps);
        string activation = config.Activation("activation", "gelu");
        return new ModelSpec
        {
            ClassName = "DistilBert",
            PaddingId = config.PaddingId(0),
            Layout = Layout("distilbert"),
            Body = new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                LayersPath = "transformer.layer",
                Causal = false,
                Embedding = new EmbeddingConfig
                {
                    Tokens = "embeddings.word_embeddings",
                    Size = hidden,
                    Positions = "embeddings.position_embeddings",
                    PositionRows = config.Size("max_position_embeddings"),
                    Norm = "embeddings.LayerNorm",
                    PaddingId = config.PaddingId(0),
                },
                Norm = norm,
                Attention = new AttentionConfig
                {
                    Heads = heads,
                    KvHeads = heads,
                    HeadDim = headDim,
                    Scale = Math.Pow(headDim, -0.5),
                    Query = "attention.q_lin",
                    Key = "attention.k_lin",
                    Value = "attention.v_lin",
                    Output = "attention.out_lin",
                    QkvBias = true,
                    OutputBias = true,
                },
                FeedForward = Plain(config.Size("hidden_dim", "intermediate_size"), activation, "ffn.lin1", "ffn.lin2", bias: true),
                Block = new BlockConfig { PostAttention = "sa_layer_norm", PostFeedForward = "output_layer_norm", NormAfterSum = true },
                FinalNorm = null,
                Kinds = Alike(layers, null),
                InitializerRange = config.Number("initializer_range", 0.02),
            },
            Masked = new MaskedHeadConfig
            {
                Transform = new HeadTransformConfig { Dense = "vocab_transform", Activation = activation, Norm = "vocab_layer_norm", NormConfig = norm },
                Decoder = "vocab_projector",
                Bias = "vocab_projector.bias",
                Tied = config.Flag("tie_word_embeddings", true),
            },
            Sequence = new SequenceHeadConfig { Pooling = TokenPooling.First, Transform = new HeadTransformConfig { Dense = "pre_classifier", Activation = "relu" } },
            Token = new TokenHeadConfig(),
        };
    }

    /// <summary>The layers of BERT under BERT's names.</summary>
    public static TransformerConfig Body(ModelConfig config, int embeddingSize, int? paddingId, double defaultEps = DefaultEps, int defaultTypes = 2)
    {
        int hidden = config.Size("hidden_size"), heads = config.Count("num_attention_heads"), layers = config.Count("num_hidden_layers");
        int headDim = config.HeadDim(hidden, heads), types = config.OptionalInteger("type_vocab_size") ?? defaultTypes;
        return new TransformerConfig
        {
            VocabSize = config.Size("vocab_size"),
            HiddenSize = hidden,
            Layers = layers,
            LayersPath = "encoder.layer",
            Causal = false,
            Embedding = new EmbeddingConfig
            {
                Tokens = "embeddings.word_embeddings",
                Size = embeddingSize,
                Positions = "embeddings.position_embeddings",
                PositionRows = config.Size("max_position_embeddings"),
                Types = types > 0 ? "embeddings.token_type_embeddings" : null,
                TypeRows = types,
                Norm = "embeddings.LayerNorm",
                PaddingId = config.PaddingId(paddingId),
            },
            Norm = new NormConfig(NormKind.Layer, config.Number("layer_norm_eps", defaultEps)),
            Attention = new AttentionConfig
            {
                Heads = heads,
                KvHeads = heads,
                HeadDim = headDim,
                Scale = Math.Pow(headDim, -0.5),
                Query = "attention.self.query",
                Key = "attention.self.key",
                Value = "attention.self.value",
                Output = "attention.output.dense",
                QkvBias = true,
                OutputBias = true,
            },
            FeedForward = Plain(config.Size("intermediate_size"), config.Activation("hidden_act", "gelu"), "intermediate.dense", "output.dense", bias: true),
            Block = new BlockConfig { PostAttention = "attention.output.LayerNorm", PostFeedForward = "output.LayerNorm", NormAfterSum = true },
            FinalNorm = null,
            Kinds = Alike(layers, null),
            InitializerRange = config.Number("initializer_range", 0.02),
        };
    }

    /// <summary>BERT's head for masked tokens.</summary>
    public static MaskedHeadConfig Predictions(ModelConfig config, TransformerConfig body) => new()
    {
        Transform = new HeadTransformConfig
        {
            Dense = "cls.predictions.transform.dense",
            Activation = body.FeedForward.Activation,
            Norm = "cls.predictions.transform.LayerNorm",
            NormConfig = body.Norm,
        },
        Decoder = "cls.predictions.decoder",
        Bias = "cls.predictions.bias",
        Tied = config.Flag("tie_word_embeddings", true),
    };

    public static CheckpointLayout Layout(string prefix) => new() { BasePrefix = prefix };

    private static SequenceHeadConfig TwoLayers(string activation) => new()
    {
        Pooling = TokenPooling.First,
        Group = "classifier",
        Transform = new HeadTransformConfig { Dense = "classifier.dense", Activation = activation },
        Classifier = "classifier.out_proj",
    };

    private static void RefuseDecoder(ModelConfig config)
    {
        config.Refuse("is_decoder");
        config.Refuse("add_cross_attention");
        string positions = config.Text("position_embedding_type", "absolute");
        if (positions != "absolute")
        {
            throw config.Error($"position_embedding_type '{positions}' is not supported; supported: absolute");
        }
    }
}
