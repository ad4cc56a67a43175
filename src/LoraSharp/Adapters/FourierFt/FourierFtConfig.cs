using LoraSharp.Adapters;
using LoraSharp.Adapters.FourierFt;

namespace LoraSharp;

/// <summary>Discrete Fourier fine-tuning (Gao et al. 2024, arXiv:2405.03003): the update is the inverse transform of a few trained coefficients.</summary>
public sealed record FourierFtConfig : AdapterConfig
{
    /// <summary>Number of coefficients. Default: 1000.</summary>
    public int Frequencies { get; init; } = 1000;

    /// <summary>Numbers of coefficients of single layers. Default: empty.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> FrequencyPattern { get; init; } = [];

    /// <summary>Factor of the update. Default: 150.</summary>
    public double Scaling { get; init; } = 150;

    /// <summary>Seed of the coefficients' places. Default: 777.</summary>
    public long Seed { get; init; } = 777;

    /// <summary>Whether the coefficients begin at 0; false: normal. Default: false.</summary>
    public bool InitWeights { get; init; }

    /// <summary>Which biases train. Default: none.</summary>
    public AdapterBias Bias { get; init; }

    internal bool FanInFanOut { get; init; }

    internal override AdapterMethod Method => FourierFtMethod.Instance;

    internal override AdapterBias BiasesToTrain => Bias;

    internal override void Validate()
    {
        base.Validate();
        RequireRank(Frequencies, "frequencies");
        RequireFinite(Scaling, "scaling");
    }
}
