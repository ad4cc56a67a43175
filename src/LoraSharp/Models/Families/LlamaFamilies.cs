using LoraSharp.Layers;
using static LoraSharp.Models.Families.FamilyConfig;

namespace LoraSharp.Models.Families;

/// <summary>What a family of Llama's structure does differently where its files say nothing.</summary>
internal sealed record LlamaDefaults
{
    public required string ClassName { get; init; }

    public double NormEps { get; init; } = 1e-6;

    public bool Tied { get; init; }

    public int? PaddingId { get; init; }

    public NormKind Norm { get; init; } = NormKind.Rms;

    public string NormEpsKey { get; init; } = "rms_norm_eps";

    public string ActivationKey { get; init; } = "hidden_act";

    public string Activation { get; init; } = "silu";

    public RopeDefaults Rope { get; init; } = new();

    /// <summary>The window where the file has no key for it.</summary>
    public int? Window { get; init; }

    /// <summary>Whether a layer has the window, by its number; null: none has.</summary>
    public Func<int, bool>? Slides { get; init; }

    /// <summary>Whether a layer has rotary positions; null: all have.</summary>
    public Func<int, bool>? Rotates { get; init; }
}

/// <summary>Llama and the families that differ from it in a few flags: x += attn(norm(x)); x += down(act(gate(norm(x))) · up(norm(x))).</summary>
internal static class LlamaFamilies
{
    /// <summary>The structure of Llama with a family's defaults.</summary>
    public static ModelSpec Base(ModelConfig config, LlamaDefaults defaults)
    {
        int hidden = config.Size("hidden_size"), heads = config.Count("num_attention_heads"), layers = config.Count("num_hidden_layers");
        int headDim = config.HeadDim(hidden, heads), kvHeads = config.KvHeads("num_key_value_heads", heads);
        bool attentionBias = config.Flag("attention_bias", false), tied = config.Flag("tie_word_embeddings", defaults.Tied);
        int? window = config.Mentions("sliding_window") ? config.OptionalInteger("sliding_window") : defaults.Window;
        return new ModelSpec
        {
            ClassName = defaults.ClassName,
            PaddingId = config.PaddingId(defaults.PaddingId),
            Layout = DecoderLayout("model", tied, "model.embed_tokens", "lm_head"),
            Body = new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                Embedding = new EmbeddingConfig { Size = hidden, PaddingId = config.PaddingId(defaults.PaddingId) },
                Norm = new NormConfig(defaults.Norm, config.Number(defaults.NormEpsKey, defaults.NormEps)),
                Attention = new AttentionConfig
                {
                    Heads = heads,
                    KvHeads = kvHeads,
                    HeadDim = headDim,
                    Scale = Math.Pow(headDim, -0.5),
                    QkvBias = attentionBias,
                    OutputBias = attentionBias,
                },
                FeedForward = new FeedForwardConfig
                {
                    Intermediate = config.Size("intermediate_size"),
                    Activation = config.Activation(defaults.ActivationKey, defaults.Activation),
                    Bias = config.Flag("mlp_bias", false),
                },
                Block = new BlockConfig { PreAttention = "input_layernorm", PreFeedForward = "post_attention_layernorm" },
                Kinds = config.Kinds(
                    layers,
                    defaults.Slides ?? (_ => false),
                    window,
                    (layer, type) => defaults.Rotates?.Invoke(layer) == false ? null : RopeReader.Read(config, headDim, defaults.Rope, type)),
                InitializerRange = config.Number("initializer_range", 0.02),
            },
            Language = new LanguageHeadConfig { Tied = tied },
            Sequence = LastTokenScore,
            Token = TokenScore,
        };
    }

    /// <summary>The file layout of a decoder: a head that is tied may lie there alone and serve as the token table.</summary>
    public static CheckpointLayout DecoderLayout(string prefix, bool tied, string embedding, string head) => new()
    {
        BasePrefix = prefix,
        Aliases = tied ? new Dictionary<string, string[]> { [embedding + ".weight"] = [head + ".weight"] } : new Dictionary<string, string[]>(),
    };

    public static ModelSpec Llama(ModelConfig config) => Base(config, new LlamaDefaults { ClassName = "Llama" });

    /// <summary>A window on every layer, if the file has one; without the key it is 4096.</summary>
    public static ModelSpec Mistral(ModelConfig config)
    {
        const int DefaultWindow = 4096;
        return Base(config, new LlamaDefaults { ClassName = "Mistral", Window = DefaultWindow, Slides = _ => true });
    }

    /// <summary>Bias on q, k, v; with <c>use_sliding_window</c> a window from layer <c>max_window_layers</c> on.</summary>
    public static ModelSpec Qwen2(ModelConfig config) =>
        Base(config, new LlamaDefaults { ClassName = "Qwen2", Window = QwenWindow, Slides = QwenSlides(config) })
            .WithAttention(attention => attention with { QkvBias = true, OutputBias = false });

    /// <summary>Norms on each head's queries and keys.</summary>
    public static ModelSpec Qwen3(ModelConfig config) => QwenNorms(Base(config, new LlamaDefaults { ClassName = "Qwen3", Window = QwenWindow, Slides = QwenSlides(config) }));

    /// <summary>Fused projections; a window on every layer, if the file has one; long context by two lists of factors.</summary>
    public static ModelSpec Phi3(ModelConfig config) =>
        Base(config, new LlamaDefaults { ClassName = "Phi3", NormEps = 1e-5, Slides = _ => true, Rope = new RopeDefaults { YarnMeansLongRope = true } })
            .WithAttention(attention => attention with { Fused = "self_attn.qkv_proj", QkvBias = false, OutputBias = false })
            .WithFeedForward(feedForward => feedForward with { Gate = null, Up = "mlp.gate_up_proj", FusedGate = true, Bias = false });

    /// <summary>Some layers have no rotary positions; with <c>use_sliding_window</c> those have the window.</summary>
    public static ModelSpec SmolLM3(ModelConfig config)
    {
        const double Theta = 2_000_000;
        const int DefaultInterval = 4;
        int[]? listed = config.List<int>("no_rope_layers");
        int interval = config.OptionalInteger("no_rope_layer_interval") ?? DefaultInterval, layers = config.Count("num_hidden_layers");
        if (listed is not null && listed.Length != layers)
        {
            throw config.Error($"'no_rope_layers' has {listed.Length} entries for {layers} layers");
        }

        bool windowed = config.Flag("use_sliding_window", false);
        return Base(config, new LlamaDefaults
        {
            ClassName = "SmolLM3",
            Tied = true,
            Rope = new RopeDefaults { Theta = Theta },
            Rotates = Rotates,
            Slides = layer => windowed && !Rotates(layer),
        });

        bool Rotates(int layer) => listed is null ? (layer + 1) % interval != 0 : listed[layer] != 0;
    }

    /// <summary>Norms after the branches instead of before, and over the whole projections of queries and keys.</summary>
    public static ModelSpec Olmo2(ModelConfig config) =>
        Base(config, new LlamaDefaults { ClassName = "Olmo2", NormEps = 1e-5 })
            .WithBody(body => body with
            {
                Block = new BlockConfig { PostAttention = "post_attention_layernorm", PostFeedForward = "post_feedforward_layernorm" },
                Attention = body.Attention with
                {
                    QueryNorm = "self_attn.q_norm",
                    KeyNorm = "self_attn.k_norm",
                    NormSpan = QueryKeyNorm.Projection,
                    QueryKeyNormConfig = body.Norm,
                },
            });

    /// <summary>Multipliers on embedding, scores, branches and logits.</summary>
    public static ModelSpec Granite(ModelConfig config) =>
        Base(config, new LlamaDefaults { ClassName = "Granite" })
            .WithBody(body => body with
            {
                Embedding = body.Embedding with { Scale = config.Number("embedding_multiplier", 1) },
                Attention = body.Attention with { Scale = config.Number("attention_multiplier", 1) },
                Block = body.Block with { ResidualScale = config.Number("residual_multiplier", 1) },
            })
            .WithLanguage(head => head with { LogitScale = 1 / config.Number("logits_scaling", 1) });

    /// <summary>LayerNorm, partly rotating heads, optionally a parallel block and a norm for each head.</summary>
    public static ModelSpec StableLm(ModelConfig config)
    {
        bool parallel = config.Flag("use_parallel_residual", false), normed = config.Flag("qk_layernorm", false);
        return Base(config, new LlamaDefaults
        {
            ClassName = "StableLm",
            Norm = NormKind.Layer,
            NormEpsKey = "layer_norm_eps",
            NormEps = 1e-5,
            Rope = new RopeDefaults { Fraction = 0.25 },
        }).WithBody(body => body with
        {
            Block = parallel ? new BlockConfig { PreAttention = "input_layernorm", Parallel = true } : body.Block,
            Attention = body.Attention with
            {
                QkvBias = config.Flag("use_qkv_bias", false),
                OutputBias = false,
                QueryNorm = normed ? "self_attn.q_layernorm" : null,
                KeyNorm = normed ? "self_attn.k_layernorm" : null,
                NormSpan = QueryKeyNorm.HeadLayers,
                QueryKeyNormConfig = new NormConfig(NormKind.LayerWithoutBias, body.Norm.Eps),
            },
        });
    }

    /// <summary>LayerNorms, biases everywhere and a feed-forward layer without a gate (Lozhkov et al. 2024).</summary>
    public static ModelSpec StarCoder2(ModelConfig config)
    {
        bool bias = config.Flag("use_bias", true);
        return Base(config, new LlamaDefaults
        {
            ClassName = "Starcoder2",
            Tied = true,
            Norm = NormKind.Layer,
            NormEpsKey = "norm_epsilon",
            NormEps = 1e-5,
            Activation = "gelu_pytorch_tanh",
            Slides = _ => true,
        }).WithBody(body => body with
        {
            Attention = body.Attention with { QkvBias = bias, OutputBias = bias },
            FeedForward = Plain(body.FeedForward.Intermediate, body.FeedForward.Activation, "mlp.c_fc", "mlp.c_proj", bias),
        });
    }

    /// <summary>A parallel block with one LayerNorm without bias, paired rotary features, scaled logits.</summary>
    public static ModelSpec Cohere(ModelConfig config)
    {
        const double Theta = 500_000, DefaultLogitScale = 0.0625;
        bool normed = config.Flag("use_qk_norm", false);
        return Base(config, new LlamaDefaults
        {
            ClassName = "Cohere",
            Tied = true,
            PaddingId = 0,
            Norm = NormKind.LayerWithoutBias,
            NormEpsKey = "layer_norm_eps",
            NormEps = 1e-5,
            Rope = new RopeDefaults { Theta = Theta, Interleaved = true },
        }).WithBody(body => body with
        {
            Block = new BlockConfig { PreAttention = "input_layernorm", Parallel = true },
            Attention = body.Attention with
            {
                QueryNorm = normed ? "self_attn.q_norm" : null,
                KeyNorm = normed ? "self_attn.k_norm" : null,
                NormSpan = QueryKeyNorm.HeadRows,
                QueryKeyNormConfig = body.Norm,
            },
        }).WithLanguage(head => head with { LogitScale = config.Number("logit_scale", DefaultLogitScale) });
    }

    /// <summary>Norms over each head of queries and keys (Qwen3).</summary>
    public static ModelSpec QwenNorms(ModelSpec spec) => spec.WithAttention(attention => attention with
    {
        QueryNorm = "self_attn.q_norm",
        KeyNorm = "self_attn.k_norm",
        NormSpan = QueryKeyNorm.Head,
        QueryKeyNormConfig = spec.Body.Norm,
    });

    /// <summary>The window of Qwen's files that have no key for it.</summary>
    public const int QwenWindow = 4096;

    private static Func<int, bool> QwenSlides(ModelConfig config)
    {
        const int DefaultFirst = 28;
        bool windowed = config.Flag("use_sliding_window", false);
        int first = config.OptionalInteger("max_window_layers") ?? DefaultFirst;
        return layer => windowed && layer >= first;
    }
}
