using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Turns the vectors of a text's tokens into one.</summary>
internal static class Pooling
{
    private const double SmallestCount = 1e-9;

    /// <summary>The mean (B, hidden) over the tokens that count.</summary>
    public static Tensor Mean(Tensor hidden, Tensor? attentionMask)
    {
        if (attentionMask is null)
        {
            return hidden.mean([1]);
        }

        using var scope = NewDisposeScope();
        Tensor weights = attentionMask.unsqueeze(-1).to(hidden.dtype);
        return ((hidden * weights).sum(1) / weights.sum(1).clamp_min(SmallestCount)).MoveToOuterDisposeScope();
    }

    /// <summary>The largest value (B, hidden) of each feature over the tokens that count.</summary>
    public static Tensor Max(Tensor hidden, Tensor? attentionMask)
    {
        using var scope = NewDisposeScope();
        Tensor values = attentionMask is null ? hidden : hidden.masked_fill(attentionMask.unsqueeze(-1).eq(0), double.NegativeInfinity);
        return values.amax([1]).MoveToOuterDisposeScope();
    }
}
