using LoraSharp.Adapters.Lycoris;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Loha;

namespace LoraSharp;

/// <summary>Low-rank Hadamard product (Hyeon-Woo et al. 2021, arXiv:2108.06098): W + alpha/r · (A1·B1) ∘ (A2·B2).</summary>
public sealed record LohaConfig : AdapterConfig
{
    /// <summary>Rank of each factor. Default: 8.</summary>
    public int R { get; init; } = 8;

    /// <summary>Numerator of the scaling. Default: 8.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>Probability with which rows of the update are dropped in training. Default: 0.</summary>
    public double RankDropout { get; init; }

    /// <summary>Probability with which the whole adapter is dropped in training. Default: 0.</summary>
    public double ModuleDropout { get; init; }

    /// <summary>Whether kernels larger than 1 are decomposed with a core of their own. Default: false.</summary>
    public bool UseEffectiveConv2d { get; init; }

    /// <summary>Ranks of single layers. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> RankPattern { get; init; } = [];

    /// <summary>Alphas of single layers. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>Whether the adapter begins without effect; false: at random. Default: true.</summary>
    public bool InitWeights { get; init; } = true;

    internal override AdapterMethod Method => LohaMethod.Instance;

    internal override void Validate()
    {
        base.Validate();
        LycorisKeys.Validate(this, R, Alpha, RankPattern, AlphaPattern, RankDropout, ModuleDropout);
    }
}
