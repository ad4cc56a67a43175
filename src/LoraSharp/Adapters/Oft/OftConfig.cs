using LoraSharp.Adapters;
using LoraSharp.Adapters.Oft;

namespace LoraSharp;

/// <summary>Orthogonal fine-tuning (Qiu et al. 2023; Liu et al. 2023): the weight's columns are turned, in blocks.</summary>
public sealed record OftConfig : AdapterConfig
{
    /// <summary>Number of blocks; 0: follows from <see cref="BlockSize"/>. Default: 0.</summary>
    public int R { get; init; }

    /// <summary>Columns of a block; 0: follows from <see cref="R"/>. Default: 32.</summary>
    public int BlockSize { get; init; } = 32;

    /// <summary>Whether one block serves for all. Default: false.</summary>
    public bool BlockShare { get; init; }

    /// <summary>Whether the rotation is a truncated series instead of an exact inverse. Default: true.</summary>
    public bool UseCayleyNeumann { get; init; } = true;

    /// <summary>Terms of the series. Default: 5.</summary>
    public int CayleyNeumannTerms { get; init; } = 5;

    /// <summary>Probability with which a block is left out in training. Default: 0.</summary>
    public double ModuleDropout { get; init; }

    /// <summary>Which biases train. Default: none.</summary>
    public AdapterBias Bias { get; init; }

    /// <summary>Whether the adapter begins without effect. Default: true.</summary>
    public bool InitWeights { get; init; } = true;

    internal double Eps { get; init; } = 6e-5;

    internal bool FanInFanOut { get; init; }

    internal override AdapterMethod Method => OftMethod.Instance;

    internal override AdapterBias BiasesToTrain => Bias;

    internal override void Validate()
    {
        base.Validate();
        if (R < 0 || BlockSize < 0 || (R == 0) == (BlockSize == 0))
        {
            throw Invalid($"r is {R} and blockSize {BlockSize}; give one of them, and 0 for the other");
        }

        if (CayleyNeumannTerms < 2)
        {
            throw Invalid($"cayleyNeumannTerms is {CayleyNeumannTerms}; the series needs at least 2 (5 are usual)");
        }

        RequireProbability(ModuleDropout, "moduleDropout");
    }
}
