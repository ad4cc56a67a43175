using LoraSharp.Layers;

namespace LoraSharp.Models.Families;

/// <summary>Decoders whose feed-forward layers are mixtures of experts.</summary>
internal static class MixtureFamilies
{
    private const int DefaultExperts = 8;
    private const double DefaultLossFactor = 0.001;

    /// <summary>Every layer sends a token to two of eight experts.</summary>
    public static ModelSpec Mixtral(ModelConfig config)
    {
        const double Theta = 1_000_000;
        return WithMixture(
            config,
            LlamaFamilies.Base(config, new LlamaDefaults { ClassName = "Mixtral", NormEps = 1e-5, Slides = _ => true, Rope = new RopeDefaults { Theta = Theta } }),
            spec => new MixtureConfig
            {
                Experts = config.Has("num_local_experts") ? config.Count("num_local_experts") : DefaultExperts,
                Chosen = config.OptionalInteger("num_experts_per_tok") ?? 2,
                Intermediate = spec.Body.FeedForward.Intermediate,
                Router = "block_sparse_moe.gate",
                ExpertsPath = "block_sparse_moe.experts",
                Gate = "w1",
                Up = "w3",
                Down = "w2",
                Normalize = true,
                IsSparse = _ => true,
            });
    }

    /// <summary>Qwen3 with mixtures in some of the layers.</summary>
    public static ModelSpec Qwen3(ModelConfig config)
    {
        const int DefaultChosen = 8, DefaultIntermediate = 768;
        bool windowed = config.Flag("use_sliding_window", false);
        int step = config.OptionalInteger("decoder_sparse_step") ?? 1;
        int[] dense = config.List<int>("mlp_only_layers") ?? [];
        if (step < 1)
        {
            throw config.Error($"'decoder_sparse_step' is {step}; it must be positive");
        }

        ModelSpec spec = LlamaFamilies.Base(config, new LlamaDefaults { ClassName = "Qwen3Moe", Window = LlamaFamilies.QwenWindow, Slides = _ => windowed });
        return WithMixture(config, LlamaFamilies.QwenNorms(spec), _ => new MixtureConfig
        {
            Experts = config.Count("num_experts", "num_local_experts"),
            Chosen = config.OptionalInteger("num_experts_per_tok") ?? DefaultChosen,
            Intermediate = config.OptionalInteger("moe_intermediate_size") ?? DefaultIntermediate,
            Router = "mlp.gate",
            ExpertsPath = "mlp.experts",
            Normalize = config.Flag("norm_topk_prob", false),
            IsSparse = layer => (layer + 1) % step == 0 && !dense.Contains(layer),
        });
    }

    /// <summary>gpt-oss: packed experts, sinks, a window on every other layer.</summary>
    public static ModelSpec GptOss(ModelConfig config)
    {
        const double Theta = 150_000, DefaultLimit = 7, DefaultAlpha = 1.702, DefaultOssLossFactor = 0.9;
        const int DefaultWindow = 128, DefaultOssExperts = 128, DefaultChosen = 4;
        bool bias = config.Flag("attention_bias", true);
        ModelSpec spec = LlamaFamilies.Base(config, new LlamaDefaults
        {
            ClassName = "GptOss",
            NormEps = 1e-5,
            Window = DefaultWindow,
            Slides = layer => layer % 2 == 0,
            Rope = new RopeDefaults { Theta = Theta },
        }).WithAttention(attention => attention with { QkvBias = bias, OutputBias = bias, Sinks = "self_attn.sinks" });
        return WithMixture(
            config,
            spec,
            _ => new MixtureConfig
            {
                Experts = config.FirstOf("num_local_experts", "num_experts") is { } key ? config.Count(key) : DefaultOssExperts,
                Chosen = config.OptionalInteger("num_experts_per_tok") ?? DefaultChosen,
                Intermediate = spec.Body.FeedForward.Intermediate,
                Router = "mlp.router",
                RouterBias = true,
                ExpertsPath = "mlp.experts",
                Packed = true,
                Limit = config.Number("swiglu_limit", DefaultLimit),
                Alpha = config.Number("swiglu_alpha", DefaultAlpha),
                IsSparse = _ => true,
            },
            DefaultOssLossFactor);
    }

    private static ModelSpec WithMixture(ModelConfig config, ModelSpec spec, Func<ModelSpec, MixtureConfig> mixture, double lossFactor = DefaultLossFactor)
    {
        MixtureConfig made = mixture(spec);
        if (made.Chosen < 1 || made.Chosen > made.Experts)
        {
            throw config.Error($"'num_experts_per_tok' is {made.Chosen}; it must be from 1 to the number of experts, {made.Experts}");
        }

        return spec.WithFeedForward(feedForward => feedForward with { Mixture = made })
            .WithLanguage(head => head with { RouterLossFactor = config.Number("router_aux_loss_coef", lossFactor) });
    }
}
