namespace LoraSharp.Data;

/// <summary>Brings rows of similar length together: random mega-batches, each sorted by length.</summary>
internal static class LengthGrouping
{
    private const int MostBatchesPerMegaBatch = 50;

    /// <summary>Reorders a permutation.</summary>
    /// <param name="lengths">The length of each row.</param>
    /// <param name="permutation">The rows in random order.</param>
    /// <param name="batchSize">Rows per optimizer step (batch size times accumulation).</param>
    public static int[] Group(IReadOnlyList<int> lengths, IReadOnlyList<int> permutation, int batchSize)
    {
        int size = Math.Max(1, (int)Math.Min(lengths.Count / (4L * batchSize), MostBatchesPerMegaBatch)) * batchSize;

        // OrderBy is stable: rows of equal length stay in the permutation's order.
        int[] order = [.. permutation.Chunk(size).SelectMany(mega => mega.OrderByDescending(row => lengths[row]))];

        // The longest row goes first, so that a run that cannot hold it fails at once. It heads its mega-batch; the first one wins a tie.
        int longest = 0;
        for (int i = size; i < order.Length; i += size)
        {
            if (lengths[order[i]] > lengths[order[longest]])
            {
                longest = i;
            }
        }

        if (order.Length > 0)
        {
            (order[0], order[longest]) = (order[longest], order[0]);
        }

        return order;
    }
}
