using LoraSharp.Adapters;
using LoraSharp.Adapters.Ia3;

namespace LoraSharp;

/// <summary>(IA)³ (Liu et al. 2022, arXiv:2205.05638): learned factors on the outputs of layers, or on the inputs of feed-forward layers.</summary>
public sealed record Ia3Config : AdapterConfig
{
    /// <summary>The targets whose input is scaled instead of the output. Default: null, the architecture's usual ones where the targets are, too; else none.</summary>
    public TargetModules? FeedforwardModules { get; init; }

    /// <summary>Whether the factors begin at 1; false: at random. Default: true.</summary>
    public bool InitWeights { get; init; } = true;

    internal bool FanInFanOut { get; init; }

    internal override AdapterMethod Method => Ia3Method.Instance;
}
