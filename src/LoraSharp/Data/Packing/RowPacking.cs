namespace LoraSharp.Data;

/// <summary>Puts short rows together into rows of full length, in groups of 1,000 consecutive rows.</summary>
internal static class RowPacking
{
    private const int GroupSize = 1000;

    /// <summary>Packs rows.</summary>
    /// <param name="rows">Rows of one document each.</param>
    /// <param name="length">The length of a packed row.</param>
    /// <param name="strategy">How.</param>
    public static IEnumerable<TokenizedRow> Pack(IEnumerable<TokenizedRow> rows, int length, PackingStrategy strategy) =>
        rows.Chunk(GroupSize).SelectMany(group => strategy switch
        {
            PackingStrategy.Bfd => BestFitDecreasing(group.Select(row => row.Length > length ? row.Slice(..length) : row), length),
            PackingStrategy.BfdSplit => BestFitDecreasing(group.SelectMany(row => Pieces(row, length)), length),
            PackingStrategy.WrappedIsolated => Wrap(group, length, isolated: true),
            PackingStrategy.Wrapped => Wrap(group, length, isolated: false),
            _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "There is no such packing strategy."),
        });

    private static IEnumerable<TokenizedRow> Pieces(TokenizedRow row, int length)
    {
        for (int start = 0; start < row.Length; start += length)
        {
            yield return row.Slice(start..Math.Min(start + length, row.Length));
        }
    }

    /// <summary>
    /// The longest first, each into the bin with the least free space that holds it; of bins with equal space, the one that has had it longest.
    /// </summary>
    private static IEnumerable<TokenizedRow> BestFitDecreasing(IEnumerable<TokenizedRow> documents, int length)
    {
        var bins = new List<List<TokenizedRow>>();
        var bySpace = new Dictionary<int, Queue<List<TokenizedRow>>>();
        var spaces = new SortedSet<int>();

        // OrderByDescending is stable: documents of equal length stay in order. Empty ones vanish.
        foreach (TokenizedRow document in documents.Where(row => row.Length > 0).OrderByDescending(row => row.Length))
        {
            int space = spaces.GetViewBetween(document.Length, length).Min;
            List<TokenizedRow> bin;
            if (space == 0)
            {
                space = length;
                bin = [];
                bins.Add(bin);
            }
            else
            {
                Queue<List<TokenizedRow>> queue = bySpace[space];
                bin = queue.Dequeue();
                if (queue.Count == 0)
                {
                    spaces.Remove(space);
                }
            }

            bin.Add(document);
            int left = space - document.Length;
            if (left > 0)
            {
                if (!bySpace.TryGetValue(left, out Queue<List<TokenizedRow>>? queue))
                {
                    bySpace.Add(left, queue = new Queue<List<TokenizedRow>>());
                }

                queue.Enqueue(bin);
                spaces.Add(left);
            }
        }

        return bins.Select(bin => new TokenizedRow(
            [.. bin.SelectMany(row => row.InputIds)], [.. bin.SelectMany(row => row.Labels)], [.. bin.Select(row => row.Length)]));
    }

    /// <summary>Everything one after the other, sliced; isolated slices say where each document's part in them ends.</summary>
    private static IEnumerable<TokenizedRow> Wrap(TokenizedRow[] rows, int length, bool isolated)
    {
        int[] ids = [.. rows.SelectMany(row => row.InputIds)];
        int[] labels = [.. rows.SelectMany(row => row.Labels)];
        var ends = new Queue<int>();
        int end = 0;
        foreach (TokenizedRow row in rows.Where(row => row.Length > 0))
        {
            ends.Enqueue(end += row.Length);
        }

        for (int start = 0; start < ids.Length; start += length)
        {
            int stop = Math.Min(start + length, ids.Length);
            yield return new TokenizedRow(ids[start..stop], labels[start..stop], isolated ? PartLengths(ends, start, stop) : null);
        }
    }

    private static int[] PartLengths(Queue<int> ends, int start, int stop)
    {
        var lengths = new List<int>();
        while (start < stop)
        {
            int end = Math.Min(ends.Peek(), stop);
            lengths.Add(end - start);
            start = end;
            if (ends.Peek() == end)
            {
                ends.Dequeue();
            }
        }

        return [.. lengths];
    }
}
