using LoraSharp.Layers;
using static LoraSharp.Models.Families.FamilyConfig;

namespace LoraSharp.Models.Families;

/// <summary>Decoders of GPT's line: LayerNorm and feed-forward layers without a gate.</summary>
internal static class ClassicFamilies
{
    private const double DefaultEps = 1e-5;

    /// <summary>Learned positions; projections that files hold as (in, out).</summary>
    public static ModelSpec Gpt2(ModelConfig config)
    {
        config.Refuse("scale_attn_by_inverse_layer_idx");
        config.Refuse("add_cross_attention");
        int hidden = config.Size("n_embd", "hidden_size"), heads = config.Count("n_head", "num_attention_heads"), layers = config.Count("n_layer", "num_hidden_layers");
        int headDim = config.HeadDim(hidden, heads);
        bool tied = config.Flag("tie_word_embeddings", true);
        return new ModelSpec
        {
            ClassName = "GPT2",
            LanguageClass = "GPT2LMHeadModel",
            PaddingId = config.PaddingId(),
            Layout = LlamaFamilies.DecoderLayout("transformer", tied, "transformer.wte", "lm_head") with
            {
                Transposed = ["attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"],
                Ignored = ["attn.bias", "attn.masked_bias"],
            },
            Body = new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                LayersPath = "h",
                Embedding = new EmbeddingConfig { Tokens = "wte", Size = hidden, Positions = "wpe", PositionRows = config.Size("n_positions", "n_ctx", "max_position_embeddings") },
                Norm = new NormConfig(NormKind.Layer, config.Number("layer_norm_epsilon", DefaultEps)),
                Attention = new AttentionConfig
                {
                    Heads = heads,
                    KvHeads = heads,
                    HeadDim = headDim,
                    Scale = config.Flag("scale_attn_weights", true) ? Math.Pow(headDim, -0.5) : 1,
                    Fused = "attn.c_attn",
                    Output = "attn.c_proj",
                    QkvBias = true,
                    OutputBias = true,
                },
                FeedForward = Plain(config.OptionalInteger("n_inner") ?? 4 * hidden, config.Activation("activation_function", "gelu_new"), "mlp.c_fc", "mlp.c_proj", bias: true),
                Block = new BlockConfig { PreAttention = "ln_1", PreFeedForward = "ln_2" },
                FinalNorm = "ln_f",
                Kinds = Alike(layers, null),
                InitializerRange = config.Number("initializer_range", 0.02),
            },
            Language = new LanguageHeadConfig { Tied = tied },
            Sequence = LastTokenScore,
            Token = new TokenHeadConfig(),
        };
    }

    /// <summary>GPT-NeoX and Pythia: fused projections by head, partly rotating heads, usually a parallel block with two norms.</summary>
    public static ModelSpec GptNeoX(ModelConfig config)
    {
        const double RotaryShare = 0.25;
        const string Head = "embed_out";
        int hidden = config.Size("hidden_size"), heads = config.Count("num_attention_heads"), layers = config.Count("num_hidden_layers");
        int headDim = config.HeadDim(hidden, heads);
        bool tied = config.Flag("tie_word_embeddings", false), bias = config.Flag("attention_bias", true);
        return new ModelSpec
        {
            ClassName = "GPTNeoX",
            PaddingId = config.PaddingId(),
            Layout = LlamaFamilies.DecoderLayout("gpt_neox", tied, "gpt_neox.embed_in", Head) with { Ignored = ["attention.bias", "attention.masked_bias"] },
            Body = new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                Embedding = new EmbeddingConfig { Tokens = "embed_in", Size = hidden },
                Norm = new NormConfig(NormKind.Layer, config.Number("layer_norm_eps", DefaultEps)),
                Attention = new AttentionConfig
                {
                    Heads = heads,
                    KvHeads = heads,
                    HeadDim = headDim,
                    Scale = Math.Pow(headDim, -0.5),
                    Fused = "attention.query_key_value",
                    FusedOrder = FusedOrder.Groups,
                    Output = "attention.dense",
                    QkvBias = bias,
                    OutputBias = bias,
                },
                FeedForward = Plain(config.Size("intermediate_size"), config.Activation("hidden_act", "gelu"), "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", bias: true),
                Block = new BlockConfig
                {
                    PreAttention = "input_layernorm",
                    PreFeedForward = "post_attention_layernorm",
                    Parallel = config.Flag("use_parallel_residual", true),
                },
                FinalNorm = "final_layer_norm",
                Kinds = Alike(layers, RopeReader.Read(config, headDim, new RopeDefaults { Fraction = RotaryShare })),
                InitializerRange = config.Number("initializer_range", 0.02),
            },
            Language = new LanguageHeadConfig { Path = Head, Tied = tied },
            Sequence = LastTokenScore,
            Token = new TokenHeadConfig(),
        };
    }

    /// <summary>Learned positions that count real tokens, from 2 on; norms before or after; optionally narrower embeddings.</summary>
    public static ModelSpec Opt(ModelConfig config)
    {
        const int Offset = 2, DefaultPaddingId = 1;
        if (!config.Flag("layer_norm_elementwise_affine", true))
        {
            throw config.Error("layer_norm_elementwise_affine false is not supported for 'opt'");
        }

        int hidden = config.Size("hidden_size"), heads = config.Count("num_attention_heads"), layers = config.Count("num_hidden_layers");
        int headDim = config.HeadDim(hidden, heads), size = config.OptionalInteger("word_embed_proj_dim") ?? hidden;
        bool before = config.Flag("do_layer_norm_before", true), bias = config.Flag("enable_bias", true), tied = config.Flag("tie_word_embeddings", true);
        const string First = "self_attn_layer_norm", Second = "final_layer_norm";
        return new ModelSpec
        {
            ClassName = "OPT",
            PaddingId = config.PaddingId(DefaultPaddingId),
            Layout = LlamaFamilies.DecoderLayout("model", tied, "model.decoder.embed_tokens", "lm_head"),
            Body = new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                LayersPath = "decoder.layers",
                Embedding = new EmbeddingConfig
                {
                    Tokens = "decoder.embed_tokens",
                    Size = size,
                    Positions = "decoder.embed_positions",
                    PositionRows = config.Size("max_position_embeddings") + Offset,
                    PositionOffset = Offset,
                    PositionRule = PositionRule.Mask,
                    TokenProjection = size == hidden ? null : "decoder.project_in",
                    PaddingId = config.PaddingId(DefaultPaddingId),
                },
                Norm = new NormConfig(NormKind.Layer, DefaultEps),
                Attention = new AttentionConfig
                {
                    Heads = heads,
                    KvHeads = heads,
                    HeadDim = headDim,
                    Scale = Math.Pow(headDim, -0.5),
                    Output = "self_attn.out_proj",
                    QkvBias = bias,
                    OutputBias = bias,
                },
                FeedForward = Plain(config.Size("ffn_dim"), config.Activation("activation_function", "relu"), "fc1", "fc2", bias),
                Block = before
                    ? new BlockConfig { PreAttention = First, PreFeedForward = Second }
                    : new BlockConfig { PostAttention = First, PostFeedForward = Second, NormAfterSum = true },
                FinalNorm = before && !config.Flag("_remove_final_layer_norm", false) ? "decoder.final_layer_norm" : null,
                OutputProjection = size == hidden ? null : "decoder.project_out",
                Kinds = Alike(layers, null),
                InitializerRange = config.Number("init_std", 0.02),
            },
            Language = new LanguageHeadConfig { Tied = tied },
            Sequence = LastTokenScore,
        };
    }

    /// <summary>Fused projections in three orders; parallel blocks with one or two norms, or a sequential one.</summary>
    public static ModelSpec Falcon(ModelConfig config)
    {
        config.Refuse("alibi");
        int hidden = config.Size("hidden_size"), heads = config.Count("num_attention_heads", "n_head"), layers = config.Count("num_hidden_layers", "n_layer");
        int headDim = config.HeadDim(hidden, heads);
        bool newer = config.Flag("new_decoder_architecture", false), multiQuery = config.Flag("multi_query", true), bias = config.Flag("bias", false);
        bool parallel = newer || config.Flag("parallel_attn", true), two = newer && (config.OptionalInteger("num_ln_in_parallel_attn") ?? 2) == 2;
        bool tied = config.Flag("tie_word_embeddings", true);
        int kvHeads = newer ? config.KvHeads("num_kv_heads", heads) : multiQuery ? 1 : heads;
        return new ModelSpec
        {
            ClassName = "Falcon",
            PaddingId = config.PaddingId(),
            Layout = LlamaFamilies.DecoderLayout("transformer", tied, "transformer.word_embeddings", "lm_head"),
            Body = new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                LayersPath = "h",
                Embedding = new EmbeddingConfig { Tokens = "word_embeddings", Size = hidden },
                Norm = new NormConfig(NormKind.Layer, config.Number("layer_norm_epsilon", DefaultEps)),
                Attention = new AttentionConfig
                {
                    Heads = heads,
                    KvHeads = kvHeads,
                    HeadDim = headDim,
                    Scale = Math.Pow(headDim, -0.5),
                    Fused = "self_attention.query_key_value",
                    FusedOrder = !newer && multiQuery ? FusedOrder.Blocks : FusedOrder.Groups,
                    Output = "self_attention.dense",
                    QkvBias = bias,
                    OutputBias = bias,
                },
                FeedForward = Plain(
                    config.OptionalInteger("ffn_hidden_size") ?? 4 * hidden, config.Activation("activation", "gelu"), "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", bias),
                Block = new BlockConfig
                {
                    PreAttention = two ? "ln_attn" : "input_layernorm",
                    PreFeedForward = two ? "ln_mlp" : parallel ? null : "post_attention_layernorm",
                    Parallel = parallel,
                },
                FinalNorm = "ln_f",
                Kinds = Alike(layers, RopeReader.Read(config, headDim, new RopeDefaults())),
                InitializerRange = config.Number("initializer_range", 0.02),
            },
            Language = new LanguageHeadConfig { Tied = tied },
            Sequence = LastTokenScore,
            Token = new TokenHeadConfig(),
        };
    }

    /// <summary>Phi 1 and 2: a parallel block with one norm, biases everywhere, partly rotating heads.</summary>
    public static ModelSpec Phi(ModelConfig config)
    {
        const double RotaryShare = 0.5;
        bool normed = config.Flag("qk_layernorm", false);
        ModelSpec spec = LlamaFamilies.Base(config, new LlamaDefaults
        {
            ClassName = "Phi",
            Norm = NormKind.Layer,
            NormEpsKey = "layer_norm_eps",
            NormEps = DefaultEps,
            Activation = "gelu_new",
            Rope = new RopeDefaults { Fraction = RotaryShare },
        });
        return spec.WithBody(body => body with
        {
            Attention = body.Attention with
            {
                Output = "self_attn.dense",
                QkvBias = true,
                OutputBias = true,
                QueryNorm = normed ? "self_attn.q_layernorm" : null,
                KeyNorm = normed ? "self_attn.k_layernorm" : null,
                NormSpan = QueryKeyNorm.Head,
                QueryKeyNormConfig = body.Norm,
            },
            FeedForward = Plain(body.FeedForward.Intermediate, body.FeedForward.Activation, "mlp.fc1", "mlp.fc2", bias: true),
            Block = new BlockConfig { PreAttention = "input_layernorm", Parallel = true },
            FinalNorm = "final_layernorm",
        }).WithLanguage(head => head with { Bias = true });
    }
}
