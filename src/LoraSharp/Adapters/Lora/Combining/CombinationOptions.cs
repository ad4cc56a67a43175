using LoraSharp.Adapters;

namespace LoraSharp;

/// <summary>How <see cref="LoraExtensions.AddWeightedAdapter"/> combines adapters.</summary>
public sealed record CombinationOptions
{
    /// <summary>The kind. Default: <see cref="CombinationType.Cat"/>, the exact weighted sum.</summary>
    public CombinationType Type { get; init; } = CombinationType.Cat;

    /// <summary>Rank of the kinds that cut to a rank. Default: null, the largest of the adapters'.</summary>
    public int? SvdRank { get; init; }

    /// <summary>Share of the elements that pruning and dropping keep, in (0, 1]. Needed by the TIES, DARE and magnitude kinds. Default: null.</summary>
    public double? Density { get; init; }

    /// <summary>How TIES elects signs. Default: the sum.</summary>
    public MajoritySign MajoritySign { get; init; }

    /// <summary>Seed of DARE's random masks. Default: null, torch's global generator.</summary>
    public long? Seed { get; init; }

    /// <summary>Whether the kind works on the whole updates.</summary>
    internal bool UsesSvd => Type is CombinationType.Svd or CombinationType.TiesSvd or CombinationType.DareLinearSvd or CombinationType.DareTiesSvd or CombinationType.MagnitudePruneSvd;

    internal void Validate()
    {
        bool needsDensity = Type is not (CombinationType.Linear or CombinationType.Cat or CombinationType.Svd);
        if (needsDensity && Density is not (> 0 and <= 1))
        {
            throw new AdapterException($"CombinationOptions: {Type} needs a density in (0, 1]; it is {Density?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "not set"}. 0.5 keeps half of the elements.");
        }

        if (SvdRank is <= 0)
        {
            throw new AdapterException($"CombinationOptions: svdRank is {SvdRank}; the rank must be at least 1.");
        }
    }
}
