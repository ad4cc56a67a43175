using LoraSharp.Adapters;
using LoraSharp.Adapters.Vera;

namespace LoraSharp;

/// <summary>Vector-based random matrix adaptation (Kopiczko et al. 2023, arXiv:2310.11454): random projections that all layers share, and two trained vectors a layer.</summary>
public sealed record VeraConfig : AdapterConfig
{
    /// <summary>Rank of the projections. Default: 256.</summary>
    public int R { get; init; } = 256;

    /// <summary>Seed of the projections. Default: 0.</summary>
    public long ProjectionPrngKey { get; init; }

    /// <summary>Whether files hold the projections; without them they are drawn from the seed again. Default: true.</summary>
    public bool SaveProjection { get; init; } = true;

    /// <summary>Dropout on the adapter's input while training. Default: 0.</summary>
    public double Dropout { get; init; }

    /// <summary>First value of the inner vector. Default: 0.1.</summary>
    public double DInitial { get; init; } = 0.1;

    /// <summary>Which biases train. Default: none.</summary>
    public AdapterBias Bias { get; init; }

    /// <summary>Whether the adapter begins without effect. Default: true.</summary>
    public bool InitWeights { get; init; } = true;

    internal bool FanInFanOut { get; init; }

    internal override AdapterMethod Method => VeraMethod.Instance;

    internal override AdapterBias BiasesToTrain => Bias;

    internal override void Validate()
    {
        base.Validate();
        RequireRank(R);
        RequireProbability(Dropout, "dropout");
        RequireFinite(DInitial, "dInitial");
    }
}
