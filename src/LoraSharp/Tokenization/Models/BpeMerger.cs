namespace LoraSharp.Tokenization;

/// <summary>Merges the symbols of one word: the pair of the lowest rank first, the leftmost of several, until no pair is a merge.</summary>
internal static class BpeMerger
{
    /// <summary>Up to this many symbols, searching the whole word for the next merge is faster than a queue.</summary>
    private const int ShortWord = 48;

    /// <summary>Merges in place; <paramref name="widths"/> are the symbols' lengths. Returns how many symbols are left.</summary>
    public static int Merge(Span<int> ids, Span<int> widths, PairTable merges) =>
        ids.Length <= ShortWord ? MergeShort(ids, widths, merges) : MergeLong(ids, widths, merges);

    private static int MergeShort(Span<int> ids, Span<int> widths, PairTable merges)
    {
        Span<int> ranks = stackalloc int[ShortWord];
        Span<int> merged = stackalloc int[ShortWord];
        int count = ids.Length;
        for (int i = 0; i + 1 < count; i++)
        {
            SetRank(ids, i, ranks, merged, merges);
        }

        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++)
            {
                if (ranks[i] < ranks[best])
                {
                    best = i;
                }
            }

            if (ranks[best] == int.MaxValue)
            {
                break;
            }

            ids[best] = merged[best];
            widths[best] += widths[best + 1];
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            widths[(best + 2)..count].CopyTo(widths[(best + 1)..]);
            ranks[(best + 1)..(count - 1)].CopyTo(ranks[best..]);
            merged[(best + 1)..(count - 1)].CopyTo(merged[best..]);
            count--;
            if (best > 0)
            {
                SetRank(ids, best - 1, ranks, merged, merges);
            }

            if (best + 1 < count)
            {
                SetRank(ids, best, ranks, merged, merges);
            }
        }

        return count;
    }

    private static void SetRank(Span<int> ids, int index, Span<int> ranks, Span<int> merged, PairTable merges)
    {
        ranks[index] = merges.TryGet(ids[index], ids[index + 1], out (int Rank, int Id) merge) ? merge.Rank : int.MaxValue;
        merged[index] = merge.Id;
    }

    /// <summary>A queue of possible merges over a linked list of symbols: n log n, whatever the word.</summary>
    private static int MergeLong(Span<int> ids, Span<int> widths, PairTable merges)
    {
        int count = ids.Length;
        var next = new int[count];
        var previous = new int[count];
        var queue = new PriorityQueue<(int Position, int Left, int Right), long>(count);
        for (int i = 0; i < count; i++)
        {
            next[i] = i + 1;
            previous[i] = i - 1;
        }

        for (int i = 0; i + 1 < count; i++)
        {
            Enqueue(ids, i, i + 1);
        }

        while (queue.TryDequeue(out (int Position, int Left, int Right) pair, out _))
        {
            int at = pair.Position;
            int right = next[at];
            // The entry is of the past if either symbol has changed since; a swallowed symbol has id -1.
            if (right >= count || ids[at] != pair.Left || ids[right] != pair.Right
                || !merges.TryGet(pair.Left, pair.Right, out (int Rank, int Id) merge))
            {
                continue;
            }

            ids[at] = merge.Id;
            widths[at] += widths[right];
            ids[right] = -1;
            next[at] = next[right];
            if (next[at] < count)
            {
                previous[next[at]] = at;
                Enqueue(ids, at, next[at]);
            }

            if (previous[at] >= 0)
            {
                Enqueue(ids, previous[at], at);
            }
        }

        int left = 0;
        for (int i = 0; i < count; i = next[i])
        {
            ids[left] = ids[i];
            widths[left++] = widths[i];
        }

        return left;

        void Enqueue(Span<int> symbols, int at, int after)
        {
            if (merges.TryGet(symbols[at], symbols[after], out (int Rank, int Id) found))
            {
                queue.Enqueue((at, symbols[at], symbols[after]), ((long)found.Rank << 32) | (uint)at);
            }
        }
    }
}
