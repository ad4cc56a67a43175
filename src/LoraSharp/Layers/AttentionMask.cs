using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Builds additive attention masks: 0 where a query may look, the type's minimum elsewhere.</summary>
internal static class AttentionMask
{
    /// <summary>
    /// Causal attention of T new tokens over S = past + T keys. Null when no mask tensor is needed (nothing padded, and either one new token or no past).
    /// </summary>
    /// <param name="attentionMask">(B, S) of 0 and 1, or null: every token counts.</param>
    /// <param name="past">Tokens in the cache.</param>
    /// <param name="tokens">T.</param>
    /// <param name="dtype">Type of the result.</param>
    public static Tensor? Causal(Tensor? attentionMask, int past, int tokens, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        bool padded = attentionMask is not null && !attentionMask.to_type(ScalarType.Bool).all().item<bool>();
        if (!padded && (past == 0 || tokens == 1))
        {
            return null;
        }

        // Query i stands at position past + i and sees the keys 0 .. past + i.
        Tensor seen = ones([tokens, past + tokens], dtype: ScalarType.Bool).tril(past).unsqueeze(0).unsqueeze(0);
        if (padded)
        {
            seen = seen.logical_and(attentionMask!.to_type(ScalarType.Bool).unsqueeze(1).unsqueeze(1));
        }

        return Additive(seen, dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Causal attention inside documents: a query sees the earlier tokens of its own document. Documents are numbered by <paramref name="documentIds"/> (B, T).
    /// </summary>
    public static Tensor Documents(Tensor documentIds, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        long tokens = documentIds.shape[1];
        Tensor same = documentIds.unsqueeze(2).eq(documentIds.unsqueeze(1)).unsqueeze(1);
        return Additive(same.logical_and(ones([tokens, tokens], dtype: ScalarType.Bool).tril(0)), dtype).MoveToOuterDisposeScope();
    }

    // The minimum instead of -infinity keeps a row that sees nothing finite: it attends uniformly, as in the reference.
    private static Tensor Additive(Tensor seen, ScalarType dtype) =>
        zeros(seen.shape, dtype: dtype).masked_fill_(seen.logical_not(), finfo(dtype).min);
}
