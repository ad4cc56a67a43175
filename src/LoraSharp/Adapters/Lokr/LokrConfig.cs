using LoraSharp.Adapters.Lycoris;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Lokr;

namespace LoraSharp;

/// <summary>Low-rank Kronecker product (Edalati et al. 2022, Yeh et al. 2023): W + alpha/r · (W1 ⊗ W2).</summary>
public sealed record LokrConfig : AdapterConfig
{
    /// <summary>Rank of the factors that are split. Default: 8.</summary>
    public int R { get; init; } = 8;

    /// <summary>Numerator of the scaling. Default: 8.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>Probability with which rows of the update are dropped in training. Default: 0.</summary>
    public double RankDropout { get; init; }

    /// <summary>Probability with which the whole adapter is dropped in training. Default: 0.</summary>
    public double ModuleDropout { get; init; }

    /// <summary>Whether kernels larger than 1 are decomposed with a core of their own. Default: false.</summary>
    public bool UseEffectiveConv2d { get; init; }

    /// <summary>Whether the left factor may be split as well. Default: false.</summary>
    public bool DecomposeBoth { get; init; }

    /// <summary>The size of the left factor where it divides the layer's; −1: as square as possible. Default: −1.</summary>
    public int DecomposeFactor { get; init; } = -1;

    /// <summary>Whether dropped rows are made up for by the others. Default: false.</summary>
    public bool RankDropoutScale { get; init; }

    /// <summary>Ranks of single layers. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> RankPattern { get; init; } = [];

    /// <summary>Alphas of single layers. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>Whether the adapter begins without effect; false: at random. Default: true.</summary>
    public bool InitWeights { get; init; } = true;

    internal override AdapterMethod Method => LokrMethod.Instance;

    internal override void Validate()
    {
        base.Validate();
        LycorisKeys.Validate(this, R, Alpha, RankPattern, AlphaPattern, RankDropout, ModuleDropout);
        if (DecomposeFactor is 0 or < -1)
        {
            throw Invalid($"decomposeFactor is {DecomposeFactor}; it must be -1 or at least 1");
        }
    }
}
