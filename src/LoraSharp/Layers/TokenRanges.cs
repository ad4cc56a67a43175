using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// Which keys each query sees, where that is one unbroken range: causal attention, windows, packed documents and padding at the end are all of this form, and need no
/// mask of tokens x tokens.
/// </summary>
/// <param name="Start">First key of each query, T numbers for each of the rows (or one row for all).</param>
/// <param name="End">One past its last key.</param>
/// <param name="Tokens">T.</param>
internal sealed record TokenRanges(int[] Start, int[] End, int Tokens)
{
    private bool IsShared => Start.Length == Tokens;

    /// <summary>Index of a row's first query in the lists.</summary>
    public int Row(long batch) => IsShared ? 0 : checked((int)batch * Tokens);

    /// <summary>The keys that any row's queries in [first, end) see.</summary>
    public (int Start, int End) Cover(int first, int end)
    {
        int start = int.MaxValue, last = 0;
        for (int row = 0; row < Start.Length; row += Tokens)
        {
            for (int t = row + first; t < row + end; t++)
            {
                if (End[t] > Start[t])
                {
                    start = Math.Min(start, Start[t]);
                    last = Math.Max(last, End[t]);
                }
            }
        }

        return last == 0 ? (0, 1) : (start, last);
    }

    /// <summary>
    /// Attention over T tokens, to the earlier ones and itself or to all; null when padding stands elsewhere than at the end of rows.
    /// </summary>
    /// <param name="tokens">T.</param>
    /// <param name="causal">Whether a query sees no later keys.</param>
    /// <param name="keyMask">(B, T) of 0 and 1, or null: every token counts.</param>
    /// <param name="documents">(B, T) numbers of packed documents, or null.</param>
    /// <param name="window">Number of tokens that a causal query sees at most, itself included, or null.</param>
    public static TokenRanges? Create(int tokens, bool causal, Tensor? keyMask, Tensor? documents, int? window)
    {
        int[]? lengths = keyMask is null ? null : Lengths(keyMask);
        if (keyMask is not null && lengths is null)
        {
            return null;
        }

        long[]? numbers = documents?.to(ScalarType.Int64).data<long>().ToArray();
        int rows = numbers is null ? lengths?.Length ?? 1 : numbers.Length / tokens;
        int[] start = new int[rows * tokens], end = new int[rows * tokens];
        for (int row = 0, at = 0; row < rows; row++)
        {
            int length = lengths?[row] ?? tokens, first = 0;
            for (int t = 0; t < tokens; t++, at++)
            {
                if (numbers is not null && t > 0 && numbers[at] != numbers[at - 1])
                {
                    first = t;
                }

                start[at] = window is { } width ? Math.Max(first, t - width + 1) : first;
                end[at] = causal ? Math.Min(t + 1, length) : length;
            }
        }

        return new TokenRanges(start, end, tokens);
    }

    // Null when a row is not ones followed by zeros, or has no token at all.
    private static int[]? Lengths(Tensor keyMask)
    {
        using var scope = NewDisposeScope();
        Tensor real = keyMask.to_type(ScalarType.Bool).to(ScalarType.Int64);
        if (real.diff(dim: -1).gt(0).any().item<bool>() || !real.select(1, 0).all().item<bool>())
        {
            return null;
        }

        return [.. real.sum(-1).data<long>().ToArray().Select(length => (int)length)];
    }
}
