using LoraSharp.Adapters;
using LoraSharp.Adapters.Hra;

namespace LoraSharp;

/// <summary>Householder reflection adaptation (Yuan et al. 2024, arXiv:2405.17484): W times a chain of reflections.</summary>
public sealed record HraConfig : AdapterConfig
{
    /// <summary>Number of reflections; even, so that the adapter can begin without effect. Default: 8.</summary>
    public int R { get; init; } = 8;

    /// <summary>Whether the reflections are made orthogonal to each other (Gram and Schmidt). Default: false.</summary>
    public bool Orthogonalize { get; init; }

    /// <summary>Which biases train. Default: none.</summary>
    public AdapterBias Bias { get; init; }

    /// <summary>Whether the adapter begins without effect. Default: true.</summary>
    public bool InitWeights { get; init; } = true;

    internal override AdapterMethod Method => HraMethod.Instance;

    internal override AdapterBias BiasesToTrain => Bias;

    internal override void Validate()
    {
        base.Validate();
        RequireRank(R);
    }
}
