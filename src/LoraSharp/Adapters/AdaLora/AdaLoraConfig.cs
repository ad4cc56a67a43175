using LoraSharp.Adapters;
using LoraSharp.Adapters.AdaLora;

namespace LoraSharp;

/// <summary>Adaptive budget allocation (Zhang et al. 2023, arXiv:2303.10512): W + alpha/r · B·diag(E)·A, whose singular values E a budget can cut.</summary>
public sealed record AdaLoraConfig : AdapterConfig
{
    /// <summary>Rank at the start, and of the scaling. Default: 12.</summary>
    public int InitR { get; init; } = 12;

    /// <summary>Average rank that the budget aims at. Default: 8.</summary>
    public int TargetR { get; init; } = 8;

    /// <summary>Numerator of the scaling; 0 or less: the rank. Default: 8.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>Dropout on the adapter's input while training. Default: 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Steps before the budget falls. Default: 0.</summary>
    public int TInit { get; init; }

    /// <summary>Steps after the budget has fallen. Default: 0.</summary>
    public int TFinal { get; init; }

    /// <summary>Steps between two allocations. Default: 1.</summary>
    public int DeltaT { get; init; } = 1;

    /// <summary>Smoothing of the sensitivity. Default: 0.85.</summary>
    public double Beta1 { get; init; } = 0.85;

    /// <summary>Smoothing of its uncertainty. Default: 0.85.</summary>
    public double Beta2 { get; init; } = 0.85;

    /// <summary>Weight of the penalty that keeps A and B orthogonal. Default: 0.5.</summary>
    public double OrthogonalWeight { get; init; } = 0.5;

    /// <summary>Number of training steps. Default: null.</summary>
    public int? TotalStep { get; init; }

    /// <summary>Which biases train. Default: none.</summary>
    public AdapterBias Bias { get; init; }

    /// <summary>Singular values that the budget has kept, by module path, or null while none are cut.</summary>
    internal IReadOnlyList<KeyValuePair<string, bool[]>>? Kept { get; init; }

    internal bool FanInFanOut { get; init; }

    internal override AdapterMethod Method => AdaLoraMethod.Instance;

    internal override AdapterBias BiasesToTrain => Bias;

    internal override void Validate()
    {
        base.Validate();
        RequireRank(InitR, "initR");
        RequireRank(TargetR, "targetR");
        RequireProbability(Dropout, "dropout");
        RequireFinite(Alpha, "alpha");
        if (TotalStep is { } total && (total <= 0 || TInit >= total - TFinal))
        {
            throw Invalid($"totalStep is {total}, tInit {TInit}, tFinal {TFinal}; the budget needs steps in which to fall: tInit < totalStep - tFinal");
        }
    }
}
