using LoraSharp.Adapters;

namespace LoraSharp;

/// <summary>Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), with PEFT's names and defaults: W + alpha/r · B·A.</summary>
public sealed record LoraConfig : AdapterConfig
{
    internal const string TypeName = "LORA";

    /// <inheritdoc/>
    public override string PeftType => TypeName;

    /// <summary>Rank of the update. Default: 8.</summary>
    public int R { get; init; } = 8;

    /// <summary>Numerator of the scaling. Default: 8.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>Probability with which inputs of the adapter branch are dropped in training, in [0, 1). Default: 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Which biases train. Default: none.</summary>
    public LoraBias Bias { get; init; }

    /// <summary>Scaling alpha/√r instead of alpha/r (Kalajdzievski 2023, rsLoRA). Default: false.</summary>
    public bool UseRsLora { get; init; }

    /// <summary>Ranks of single layers: the first key that matches <c>(.*\.)?(key)$</c> wins. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> RankPattern { get; init; } = [];

    /// <summary>Alphas of single layers, matched like <see cref="RankPattern"/>. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>alpha/r, or alpha/√r with <see cref="UseRsLora"/>.</summary>
    internal double Scaling(int r, double alpha) => UseRsLora ? alpha / Math.Sqrt(r) : alpha / r;

    internal override void Validate()
    {
        RequireRank(R, "r");
        foreach (var (key, rank) in RankPattern)
        {
            RequireRank(rank, $"r of the rank pattern '{key}'");
        }

        if (!double.IsFinite(Alpha))
        {
            throw new AdapterException($"LoraConfig: alpha is {Alpha}; it must be a finite number.");
        }

        if (Dropout is not (>= 0 and < 1))
        {
            throw new AdapterException($"LoraConfig: dropout is {Dropout}; it must be at least 0 and less than 1.");
        }
    }

    private static void RequireRank(int rank, string what)
    {
        if (rank <= 0)
        {
            throw new AdapterException($"LoraConfig: {what} is {rank}; the rank must be at least 1 (8 or 16 are usual).");
        }
    }
}
