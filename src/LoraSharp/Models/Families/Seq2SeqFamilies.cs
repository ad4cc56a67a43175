using LoraSharp.Layers;
using static LoraSharp.Models.Families.FamilyConfig;

namespace LoraSharp.Models.Families;

/// <summary>Encoder-decoder models: T5 and BART.</summary>
internal static class Seq2SeqFamilies
{
    /// <summary>T5 v1.0, v1.1 and flan: relative bias, no scaling of scores, RMS norms.</summary>
    public static Seq2SeqSpec T5(ModelConfig config, string className, bool tiedByDefault)
    {
        const double Eps = 1e-6;
        const int DefaultBuckets = 32, DefaultDistance = 128;
        int hidden = config.Size("d_model"), heads = config.Count("num_heads"), layers = config.Count("num_layers"), decoderLayers = config.Has("num_decoder_layers") ? config.Count("num_decoder_layers") : layers;
        bool tied = config.Flag("tie_word_embeddings", tiedByDefault);

        // Newer files say it; older ones mean the original T5 by a tied head.
        bool scaled = config.Flag("scale_decoder_outputs", tied);
        TransformerConfig encoder = Stack(layers, causal: false), decoder = Stack(decoderLayers, causal: true);
        return new Seq2SeqSpec
        {
            ClassName = className,
            Layout = new CheckpointLayout
            {
                BasePrefix = "",
                Ignored = ["EncDecAttention.relative_attention_bias.weight"],
                Aliases = new Dictionary<string, string[]> { ["shared.weight"] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"] },
            },
            Tokens = "shared",
            EncoderPath = "encoder",
            DecoderPath = "decoder",
            Encoder = encoder,
            Decoder = decoder,
            Language = new LanguageHeadConfig { Tied = tied, LogitScale = scaled ? Math.Pow(hidden, -0.5) : 1 },
            PaddingId = config.PaddingId(0) ?? 0,
            StartId = config.OptionalInteger("decoder_start_token_id") ?? config.PaddingId(0) ?? 0,
        };

        TransformerConfig Stack(int count, bool causal)
        {
            int last = causal ? 2 : 1;
            return new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = count,
                LayersPath = "block",
                Causal = causal,
                Embedding = new EmbeddingConfig { Size = hidden },
                Norm = new NormConfig(NormKind.Rms, config.Number("layer_norm_epsilon", Eps)),
                Attention = Attention("layer.0.SelfAttention"),
                CrossAttention = causal ? Attention("layer.1.EncDecAttention") : null,
                FeedForward = FeedForward(config, $"layer.{last}.DenseReluDense"),
                Block = new BlockConfig
                {
                    PreAttention = "layer.0.layer_norm",
                    PreCross = causal ? "layer.1.layer_norm" : null,
                    PreFeedForward = $"layer.{last}.layer_norm",
                },
                FinalNorm = "final_layer_norm",
                Kinds = Alike(count, null),
                RelativeBias = new RelativeBiasConfig(
                    "block.0.layer.0.SelfAttention.relative_attention_bias",
                    config.OptionalInteger("relative_attention_num_buckets") ?? DefaultBuckets,
                    config.OptionalInteger("relative_attention_max_distance") ?? DefaultDistance),
            };
        }

        AttentionConfig Attention(string path) => new()
        {
            Heads = heads,
            KvHeads = heads,
            HeadDim = config.Size("d_kv"),
            Scale = 1,
            Query = path + ".q",
            Key = path + ".k",
            Value = path + ".v",
            Output = path + ".o",
        };
    }

    /// <summary>BART; mBART has its norms before each sublayer and one at the end of each half.</summary>
    public static Seq2SeqSpec Bart(ModelConfig config, bool multilingual)
    {
        const double Eps = 1e-5;
        const int Offset = 2, DefaultPadding = 1, DefaultStart = 2;
        int hidden = config.Size("d_model");
        int padding = config.PaddingId(DefaultPadding) ?? DefaultPadding;
        double scale = config.Flag("scale_embedding", false) ? Math.Sqrt(hidden) : 1;
        return new Seq2SeqSpec
        {
            ClassName = multilingual ? "MBart" : "Bart",
            Layout = new CheckpointLayout
            {
                BasePrefix = "model",
                Aliases = new Dictionary<string, string[]> { ["model.shared.weight"] = ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"] },
            },
            Tokens = "model.shared",
            EncoderPath = "model.encoder",
            DecoderPath = "model.decoder",
            Encoder = Stack("encoder", causal: false),
            Decoder = Stack("decoder", causal: true),
            Language = new LanguageHeadConfig { Tied = config.Flag("tie_word_embeddings", true) },
            LogitsBias = "final_logits_bias",
            PaddingId = padding,
            StartId = config.OptionalInteger("decoder_start_token_id") ?? DefaultStart,
            StartsWithLastToken = multilingual,
        };

        TransformerConfig Stack(string half, bool causal)
        {
            int heads = config.Count(half + "_attention_heads"), layers = config.Count(half + "_layers");
            const string Self = "self_attn_layer_norm", Cross = "encoder_attn_layer_norm", Last = "final_layer_norm";
            return new TransformerConfig
            {
                VocabSize = config.Size("vocab_size"),
                HiddenSize = hidden,
                Layers = layers,
                Causal = causal,
                Embedding = new EmbeddingConfig
                {
                    Size = hidden,
                    Positions = "embed_positions",
                    PositionRows = config.Size("max_position_embeddings") + Offset,
                    PositionOffset = Offset,
                    Norm = "layernorm_embedding",
                    Scale = scale,
                    PaddingId = padding,
                },
                Norm = new NormConfig(NormKind.Layer, Eps),
                Attention = Attention("self_attn", heads),
                CrossAttention = causal ? Attention("encoder_attn", heads) : null,
                FeedForward = Plain(config.Size(half + "_ffn_dim"), config.Activation("activation_function", "gelu"), "fc1", "fc2", bias: true),
                Block = multilingual
                    ? new BlockConfig { PreAttention = Self, PreCross = causal ? Cross : null, PreFeedForward = Last }
                    : new BlockConfig { PostAttention = Self, PostCross = causal ? Cross : null, PostFeedForward = Last, NormAfterSum = true },
                FinalNorm = multilingual ? "layer_norm" : null,
                Kinds = Alike(layers, null),
                InitializerRange = config.Number("init_std", 0.02),
            };
        }

        AttentionConfig Attention(string path, int heads)
        {
            int headDim = config.HeadDim(hidden, heads);
            return new AttentionConfig
            {
                Heads = heads,
                KvHeads = heads,
                HeadDim = headDim,
                Scale = Math.Pow(headDim, -0.5),
                Query = path + ".q_proj",
                Key = path + ".k_proj",
                Value = path + ".v_proj",
                Output = path + ".out_proj",
                QkvBias = true,
                OutputBias = true,
            };
        }
    }

    // relu, gelu, ...: wi and wo; gated-...: wi_0 is the gate. gated-gelu means the tanh approximation.
    private static FeedForwardConfig FeedForward(ModelConfig config, string path)
    {
        const string Gated = "gated-";
        string kind = config.Text("feed_forward_proj", "relu");
        bool gated = kind.StartsWith(Gated, StringComparison.Ordinal);
        string name = kind == "gated-gelu" ? "gelu_new" : gated ? kind[Gated.Length..] : kind;
        return new FeedForwardConfig
        {
            Intermediate = config.Size("d_ff"),
            Activation = Activation.Has(name) ? name : throw config.Error($"feed_forward_proj '{kind}' is not supported; write an activation ({string.Join(", ", Activation.Names)}) or gated-activation"),
            Gate = gated ? path + ".wi_0" : null,
            Up = gated ? path + ".wi_1" : path + ".wi",
            Down = path + ".wo",
        };
    }
}
