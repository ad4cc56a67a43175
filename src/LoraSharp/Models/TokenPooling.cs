namespace LoraSharp.Models;

/// <summary>How the vectors of a text's tokens become one.</summary>
public enum TokenPooling
{
    /// <summary>The mean over the tokens that count.</summary>
    Mean,

    /// <summary>The first token's.</summary>
    First,

    /// <summary>The largest value of each feature over the tokens that count.</summary>
    Max,

    /// <summary>The last token's.</summary>
    Last,

    /// <summary>The sum over the tokens that count, divided by the square root of their number.</summary>
    MeanSqrtLength,

    /// <summary>The mean over the tokens that count, the n-th of them with the weight n.</summary>
    WeightedMean,
}
