using LoraSharp.Layers;

namespace LoraSharp.Models.Families;

/// <summary>Reads rotary positions in all the ways that configurations have written them.</summary>
internal static class RopeReader
{
    public const string Full = "full_attention";
    public const string Sliding = "sliding_attention";

    private const int DefaultMaxPositions = 2048;

    /// <summary>The rotary positions of a type of layer.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="headDim">Features of a head.</param>
    /// <param name="defaults">What holds where the file says nothing.</param>
    /// <param name="layerType">Newer files have a block for each type.</param>
    public static RopeOptions Read(ModelConfig config, int headDim, RopeDefaults defaults, string layerType = Full)
    {
        ModelConfig? block = Block(config, layerType, out double? ownTheta);
        string type = block?.Text("rope_type", block.Text("type", "default")) ?? "default";
        type = type == "su" || (type == "yarn" && defaults.YarnMeansLongRope) ? "longrope" : type;
        if (!RopeOptions.Types.Contains(type))
        {
            throw config.Error($"the RoPE scaling rope_type '{type}' is not supported; supported: {string.Join(", ", RopeOptions.Types)}");
        }

        double fraction = block?.OptionalNumber("partial_rotary_factor") ?? config.OptionalNumber("partial_rotary_factor")
            ?? config.OptionalNumber("rotary_pct") ?? defaults.Fraction;
        int maxPositions = config.OptionalInteger("max_position_embeddings") ?? DefaultMaxPositions;
        var rope = new RopeOptions
        {
            RotaryDim = (int)(headDim * fraction),
            Interleaved = defaults.Interleaved,
            Type = type,
            Theta = ownTheta ?? block?.OptionalNumber("rope_theta") ?? config.OptionalNumber("rope_theta") ?? config.OptionalNumber("rotary_emb_base") ?? defaults.Theta,
            Factor = block?.OptionalNumber("factor"),
            MaxPositions = maxPositions,
            OriginalMaxPositions = config.OptionalInteger("original_max_position_embeddings") ?? block?.OptionalInteger("original_max_position_embeddings") ?? maxPositions,
            LowFrequencyFactor = block?.OptionalNumber("low_freq_factor") ?? 1,
            HighFrequencyFactor = block?.OptionalNumber("high_freq_factor") ?? 4,
            AttentionFactor = block?.OptionalNumber("attention_factor"),
            BetaFast = block?.OptionalNumber("beta_fast") ?? 32,
            BetaSlow = block?.OptionalNumber("beta_slow") ?? 1,
            MScale = block?.OptionalNumber("mscale"),
            MScaleAllDim = block?.OptionalNumber("mscale_all_dim"),
            Truncate = block?.Flag("truncate", true) ?? true,
            ShortFactor = block?.List<double>("short_factor"),
            LongFactor = block?.List<double>("long_factor"),
        };
        Validate(config, rope, headDim);
        return rope;
    }

    // Newer files: rope_parameters, flat or with a block for each type of layer. Older ones: rope_scaling beside rope_theta; Gemma 3's and ModernBERT's
    // sliding layers have a base of their own there, and are never scaled.
    private static ModelConfig? Block(ModelConfig config, string layerType, out double? ownTheta)
    {
        ownTheta = null;
        if (config.Section("rope_parameters") is { } parameters)
        {
            return parameters.Section(layerType) ?? parameters;
        }

        string[] keys = layerType == Sliding ? ["rope_local_base_freq", "local_rope_theta"] : ["global_rope_theta"];
        ownTheta = config.FirstOf(keys) is { } key ? config.Number(key) : null;
        return ownTheta is not null && layerType == Sliding ? null : config.Section("rope_scaling");
    }

    private static void Validate(ModelConfig config, RopeOptions rope, int headDim)
    {
        if (rope.RotaryDim < 2 || rope.RotaryDim % 2 != 0 || rope.RotaryDim > headDim)
        {
            throw config.Error($"RoPE would rotate {rope.RotaryDim} of {headDim} features of a head; an even number from 2 on is needed (head_dim, partial_rotary_factor)");
        }

        if (rope.Theta <= 0 || rope.OriginalMaxPositions <= 0 || rope.MaxPositions <= 0 || rope.Factor <= 0)
        {
            throw config.Error("rope_theta, factor, max_position_embeddings and original_max_position_embeddings must be positive");
        }

        if (rope is { Type: "linear" or "dynamic" or "llama3", Factor: null })
        {
            throw config.Error($"the RoPE scaling '{rope.Type}' needs the key 'factor'");
        }

        if (rope.Type == "longrope" && (rope.ShortFactor?.Count != rope.RotaryDim / 2 || rope.LongFactor?.Count != rope.RotaryDim / 2))
        {
            throw config.Error($"the RoPE scaling 'longrope' needs 'short_factor' and 'long_factor' with {rope.RotaryDim / 2} numbers each");
        }
    }
}

/// <summary>A family's rotary positions where its files say nothing.</summary>
internal sealed record RopeDefaults
{
    public double Theta { get; init; } = 10_000;

    /// <summary>Share of a head's features that rotate.</summary>
    public double Fraction { get; init; } = 1;

    /// <summary>Whether neighbouring features form a pair.</summary>
    public bool Interleaved { get; init; }

    /// <summary>Phi-3's first files called longrope so.</summary>
    public bool YarnMeansLongRope { get; init; }
}
