using LoraSharp.Layers;

namespace LoraSharp.Models.Families;

/// <summary>Gemma 1 to 3 (text): norms that multiply by 1 + weight, a scaled embedding, a tied head.</summary>
internal static class GemmaFamilies
{
    private const int DefaultWindow = 4096;
    private const double DefaultQueryScalar = 256;
    private const string TanhGelu = "gelu_pytorch_tanh";

    public static ModelSpec Gemma(ModelConfig config)
    {
        ModelSpec spec = Base(config, new LlamaDefaults { ClassName = "Gemma", Activation = TanhGelu });

        // Early files say gelu and mean its approximation.
        return spec.WithFeedForward(feedForward => feedForward.Activation == "gelu" ? feedForward with { Activation = TanhGelu } : feedForward);
    }

    /// <summary>Norms before and after each branch, soft caps, a window on every other layer.</summary>
    public static ModelSpec Gemma2(ModelConfig config)
    {
        const double DefaultScoreCap = 50, DefaultLogitCap = 30;
        return Sandwich(config, new LlamaDefaults
        {
            ClassName = "Gemma2",
            ActivationKey = "hidden_activation",
            Activation = TanhGelu,
            Window = DefaultWindow,
            Slides = layer => layer % 2 == 0,
        })
        .WithAttention(attention => attention with { SoftCap = Cap(config, "attn_logit_softcapping", DefaultScoreCap) })
        .WithLanguage(head => head with { LogitCap = Cap(config, "final_logit_softcapping", DefaultLogitCap) });
    }

    /// <summary>Norms on queries and keys; mostly layers with a window and rotary positions of their own.</summary>
    public static ModelSpec Gemma3(ModelConfig config)
    {
        const double GlobalTheta = 1_000_000;
        const int DefaultPattern = 6;
        config.Refuse("use_bidirectional_attention");
        int pattern = config.OptionalInteger("sliding_window_pattern") ?? config.OptionalInteger("_sliding_window_pattern") ?? DefaultPattern;
        int headDim = config.HeadDim(config.Size("hidden_size"), config.Count("num_attention_heads"));
        ModelSpec spec = Sandwich(config, new LlamaDefaults
        {
            ClassName = "Gemma3",
            ActivationKey = "hidden_activation",
            Activation = TanhGelu,
            Window = DefaultWindow,
            Slides = layer => (layer + 1) % pattern != 0,
        });
        spec = spec.WithBody(body => body with
        {
            Kinds =
            [
                .. body.Kinds.Select(kind => kind.Window is null
                    ? kind with { Rope = RopeReader.Read(config, headDim, new RopeDefaults { Theta = GlobalTheta }) }
                    : kind),
            ],
        });
        return LlamaFamilies.QwenNorms(spec)
            .WithAttention(attention => attention with { SoftCap = Cap(config, "attn_logit_softcapping", null) })
            .WithLanguage(head => head with { LogitCap = Cap(config, "final_logit_softcapping", null) });
    }

    private static ModelSpec Sandwich(ModelConfig config, LlamaDefaults defaults) =>
        Base(config, defaults).WithBody(body => body with
        {
            Block = new BlockConfig
            {
                PreAttention = "input_layernorm",
                PostAttention = "post_attention_layernorm",
                PreFeedForward = "pre_feedforward_layernorm",
                PostFeedForward = "post_feedforward_layernorm",
            },
            Attention = body.Attention with { Scale = Math.Pow(config.Number("query_pre_attn_scalar", DefaultQueryScalar), -0.5) },
        });

    private static ModelSpec Base(ModelConfig config, LlamaDefaults defaults)
    {
        config.Refuse("use_bidirectional_attention");
        return LlamaFamilies.Base(config, defaults with { Norm = NormKind.RmsUnitOffset, Tied = true, PaddingId = 0 })
            .WithBody(body => body with { Embedding = body.Embedding with { Scale = Math.Sqrt(body.HiddenSize) } });
    }

    // A key with the value null means no cap, an absent one the family's.
    private static double? Cap(ModelConfig config, string key, double? absent) => config.Mentions(key) ? config.OptionalNumber(key) : absent;
}
