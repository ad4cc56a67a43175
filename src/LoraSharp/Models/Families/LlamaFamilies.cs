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
        int hidden = config.Size("hidden_size"), heads = config.Size("num_attention_heads"), layers = config.Size("num_hidden_layers");
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
}
