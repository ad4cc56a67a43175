using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Turns the vectors of a text's tokens into one.</summary>
internal static class Pooling
{
    private const double SmallestCount = 1e-9;

    /// <summary>One vector (B, hidden) for each row of hidden states (B, T, hidden) under a mask (B, T) of 0 and 1, or none.</summary>
    public static Tensor Apply(TokenPooling pooling, Tensor hidden, Tensor? attentionMask) => pooling switch
    {
        TokenPooling.First => hidden.select(1, 0),
        TokenPooling.Max => Max(hidden, attentionMask),
        TokenPooling.Last => Last(hidden, attentionMask),
        TokenPooling.Mean when attentionMask is null => hidden.mean([1]),
        _ => WeightedSum(pooling, hidden, attentionMask),
    };

    /// <summary>The means (B, hidden): the sum over the tokens that count, each with its weight, divided by the weights' sum or its root.</summary>
    private static Tensor WeightedSum(TokenPooling pooling, Tensor hidden, Tensor? attentionMask)
    {
        using var scope = NewDisposeScope();
        Tensor weights = (attentionMask ?? ones(hidden.shape[0], hidden.shape[1], dtype: hidden.dtype)).unsqueeze(-1).to(hidden.dtype);
        if (pooling == TokenPooling.WeightedMean)
        {
            weights = weights * arange(1, hidden.shape[1] + 1, dtype: hidden.dtype).view(1, -1, 1);
        }

        Tensor total = weights.sum([1]).clamp_min(SmallestCount);
        return ((hidden * weights).sum([1]) / (pooling == TokenPooling.MeanSqrtLength ? total.sqrt() : total)).MoveToOuterDisposeScope();
    }

    /// <summary>The largest value (B, hidden) of each feature over the tokens that count.</summary>
    private static Tensor Max(Tensor hidden, Tensor? attentionMask)
    {
        using var scope = NewDisposeScope();
        Tensor values = attentionMask is null ? hidden : hidden.masked_fill(attentionMask.unsqueeze(-1).eq(0), double.NegativeInfinity);
        return values.amax([1]).MoveToOuterDisposeScope();
    }

    // The vector of the last token that counts.
    private static Tensor Last(Tensor hidden, Tensor? attentionMask)
    {
        if (attentionMask is null)
        {
            return hidden.select(1, hidden.shape[1] - 1);
        }

        using var scope = NewDisposeScope();
        Tensor positions = (attentionMask.ne(0).to(ScalarType.Int64) * arange(hidden.shape[1])).argmax(-1);
        return hidden.gather(1, positions.view(-1, 1, 1).expand(-1, 1, hidden.shape[2])).squeeze(1).MoveToOuterDisposeScope();
    }
}
