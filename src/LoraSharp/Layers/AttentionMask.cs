using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Builds additive attention masks: 0 where a query may look, the type's minimum elsewhere.</summary>
internal static class AttentionMask
{
    /// <summary>
    /// Causal attention of T new tokens over S = past + T keys. Null when no mask tensor is needed: nothing padded, no window in effect, and either one new token
    /// or no past.
    /// </summary>
    /// <param name="keyMask">(B, S) of 0 and 1, or null: every token counts.</param>
    /// <param name="documents">(B, T) numbers of packed documents, or null: a query sees the earlier tokens of its own document.</param>
    /// <param name="past">Tokens in the cache.</param>
    /// <param name="tokens">T.</param>
    /// <param name="window">Number of tokens that a query sees at most, itself included; null: all.</param>
    /// <param name="always">Whether a tensor is needed even for plain causal attention of several tokens.</param>
    /// <param name="dtype">Type of the result.</param>
    /// <returns>(B or 1, 1, T, S).</returns>
    public static Tensor? Causal(Tensor? keyMask, Tensor? documents, int past, int tokens, int? window, bool always, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        Tensor? padding = Padding(keyMask);
        bool windowed = past + tokens > window;
        if (padding is null && documents is null && !windowed && (tokens == 1 || (past == 0 && !always)))
        {
            return null;
        }

        // Query i stands at position past + i and sees the keys 0 .. past + i.
        Tensor all = ones([tokens, past + tokens], dtype: ScalarType.Bool);
        Tensor seen = all.tril(past);
        if (windowed)
        {
            seen = seen.logical_and(all.triu(past - window!.Value + 1));
        }

        seen = seen.unsqueeze(0).unsqueeze(0);
        if (documents is not null)
        {
            seen = seen.logical_and(documents.unsqueeze(2).eq(documents.unsqueeze(1)).unsqueeze(1));
        }

        if (padding is not null)
        {
            seen = seen.logical_and(padding);
        }

        return Additive(seen, dtype).MoveToOuterDisposeScope();
    }

    /// <summary>Attention in both directions; null when every token sees every token.</summary>
    /// <param name="keyMask">(B, S) of 0 and 1, or null.</param>
    /// <param name="tokens">S.</param>
    /// <param name="reach">Largest distance between query and key, or null.</param>
    /// <param name="blindPadding">Whether a padded query sees nothing (its output is of no use either way, unless a classifier reads it).</param>
    /// <param name="dtype">Type of the result.</param>
    /// <returns>(B or 1, 1, S or 1, S).</returns>
    public static Tensor? Bidirectional(Tensor? keyMask, int tokens, int? reach, bool blindPadding, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        Tensor? seen = Padding(keyMask);
        if (blindPadding && seen is not null)
        {
            seen = seen.logical_and(seen.transpose(-1, -2));
        }

        if (tokens > reach + 1)
        {
            Tensor near = ones([tokens, tokens], dtype: ScalarType.Bool).tril(reach!.Value).triu(-reach.Value).unsqueeze(0).unsqueeze(0);
            seen = seen is null ? near : seen.logical_and(near);
        }

        return seen is null ? null : Additive(seen, dtype).MoveToOuterDisposeScope();
    }

    // (B, 1, 1, S), or null when nothing is padded.
    private static Tensor? Padding(Tensor? keyMask)
    {
        if (keyMask is null)
        {
            return null;
        }

        Tensor real = keyMask.to_type(ScalarType.Bool);
        return real.all().item<bool>() ? null : real.unsqueeze(1).unsqueeze(1);
    }

    // The minimum instead of -infinity keeps a row that sees nothing finite: it attends uniformly, as in the reference.
    private static Tensor Additive(Tensor seen, ScalarType dtype) =>
        zeros(seen.shape, dtype: dtype).masked_fill_(seen.logical_not(), finfo(dtype).min);
}
