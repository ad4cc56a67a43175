using LoraSharp.Adapters;
using LoraSharp.Adapters.Lora;

namespace LoraSharp;

/// <summary>Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685), with PEFT's names and defaults: W + alpha/r · B·A.</summary>
public sealed record LoraConfig : AdapterConfig
{
    /// <summary>Rank of the update. Default: 8.</summary>
    public int R { get; init; } = 8;

    /// <summary>Numerator of the scaling. Default: 8.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>Probability with which inputs of the adapter branch are dropped in training, in [0, 1). Embeddings ignore it. Default: 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Which biases train. Default: none.</summary>
    public AdapterBias Bias { get; init; }

    /// <summary>Scaling alpha/√r instead of alpha/r (Kalajdzievski 2023, rsLoRA). Default: false.</summary>
    public bool UseRsLora { get; init; }

    /// <summary>Splits the weight into magnitude and direction and trains both (Liu et al. 2024, DoRA). Default: false.</summary>
    public bool UseDora { get; init; }

    /// <summary>Gives B a bias. Merging then needs a bias in the base layer. Default: false.</summary>
    public bool LoraBias { get; init; }

    /// <summary>How A and B begin, and what becomes of the base weight. Default: <see cref="LoraInit.Default"/>.</summary>
    public LoraInit Init { get; init; } = LoraInit.Default;

    /// <summary>Ranks of single layers: the first key that matches <c>(.*\.)?(key)$</c> wins. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> RankPattern { get; init; } = [];

    /// <summary>Alphas of single layers, matched like <see cref="RankPattern"/>. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>Tokens of which new rows are trained, instead of a whole new embedding. Default: null.</summary>
    public TrainableTokens? TrainableTokens { get; init; }

    /// <summary>
    /// Ranges of layers (from, up to) that the model consists of from then on; layers may occur several times, with shared weights and adapters of their own. The
    /// library's decoders only. Default: empty, the layers as they are.
    /// </summary>
    public IReadOnlyList<LayerRange> LayerReplication { get; init; } = [];

    /// <summary>
    /// Parameters that are adapted although no layer computes with them alone, such as the experts of a mixture (<c>mlp.experts.gate_up_proj</c>): paths or path
    /// endings of parameters with 2 dimensions (out, in) or 3 (experts, out, in). Default: none.
    /// </summary>
    public IReadOnlyList<string> TargetParameters { get; init; } = [];

    /// <summary>Whether files hold the adapted weights transposed (GPT-2); set by itself for the library's models. Default: false.</summary>
    public bool FanInFanOut { get; init; }

    internal override AdapterMethod Method => LoraMethod.Instance;

    internal override AdapterBias BiasesToTrain => Bias;

    /// <summary>alpha/r, or alpha/√r with <see cref="UseRsLora"/>.</summary>
    internal double Scaling(int r, double alpha) => UseRsLora ? alpha / Math.Sqrt(r) : alpha / r;

    internal override void Validate()
    {
        base.Validate();
        RequireRank(R);
        foreach (var (key, rank) in RankPattern)
        {
            RequireRank(rank, $"r of the rank pattern '{key}'");
        }

        RequireFinite(Alpha, "alpha");
        foreach (var (key, alpha) in AlphaPattern)
        {
            RequireFinite(alpha, $"alpha of the alpha pattern '{key}'");
        }

        RequireProbability(Dropout, "dropout");
        if (UseDora && LoraBias)
        {
            throw Invalid("useDora and loraBias are both set; DoRA knows no bias on B. Choose one");
        }

        if (TargetParameters.Count > 0 && (Dropout > 0 || UseDora || LoraBias))
        {
            throw Invalid("targetParameters cannot be combined with dropout, useDora or loraBias");
        }

        if (LayerReplication.FirstOrDefault(range => range.From < 0 || range.To <= range.From) is { } wrong)
        {
            throw Invalid($"layerReplication holds the range [{wrong.From}, {wrong.To}]; a range goes from a layer up to, not including, a later one");
        }

        TrainableTokens?.Validate(this);
        Init.Validate(this);
    }
}
