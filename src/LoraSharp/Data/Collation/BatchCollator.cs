using static TorchSharp.torch;

namespace LoraSharp.Data;

/// <summary>
/// Puts rows side by side. Only places that it adds itself are masked: a pad token that is also the end-of-sequence token stays a label where the row
/// has it.
/// </summary>
/// <param name="padId">The token that fills.</param>
/// <param name="paddingFree">Whether the rows become one row without padding, each document with positions of its own.</param>
/// <param name="padToMultipleOf">What the length is rounded up to a multiple of; null for 1.</param>
internal sealed class BatchCollator(int padId, bool paddingFree, int? padToMultipleOf = null)
{
    /// <summary>Makes a batch; the caller disposes it.</summary>
    public Batch Collate(IReadOnlyList<TokenizedRow> rows)
    {
        if (rows.Count == 0)
        {
            throw new ArgumentException("A batch needs at least one row.", nameof(rows));
        }

        return paddingFree ? Flatten(rows) : Pad(rows);
    }

    private Batch Pad(IReadOnlyList<TokenizedRow> rows)
    {
        int width = RoundUp(rows.Max(row => row.Length));
        long[] ids = new long[rows.Count * (long)width];
        long[] labels = new long[ids.Length];
        long[] mask = new long[ids.Length];
        Array.Fill(ids, padId);
        Array.Fill(labels, TokenizedRow.Ignored);
        for (int r = 0; r < rows.Count; r++)
        {
            long start = (long)r * width;
            for (int i = 0; i < rows[r].Length; i++)
            {
                ids[start + i] = rows[r].InputIds[i];
                labels[start + i] = rows[r].Labels[i];
                mask[start + i] = 1;
            }
        }

        return new Batch
        {
            InputIds = AsTensor(ids, rows.Count, width),
            Labels = AsTensor(labels, rows.Count, width),
            AttentionMask = AsTensor(mask, rows.Count, width),
            Rows = rows.Count,
            LabelCount = rows.Sum(row => (long)row.Labels.Skip(1).Count(label => label != TokenizedRow.Ignored)),
            TokenCount = rows.Sum(row => (long)row.Length),
        };
    }

    private Batch Flatten(IReadOnlyList<TokenizedRow> rows)
    {
        int tokens = checked(rows.Sum(row => row.Length));
        int length = RoundUp(tokens);
        long[] ids = new long[length];
        long[] labels = new long[length];
        long[] positions = new long[length];
        Array.Fill(ids, padId);
        Array.Fill(labels, TokenizedRow.Ignored);
        var starts = new List<int>();
        int at = 0;
        foreach (TokenizedRow row in rows)
        {
            int inRow = 0;
            foreach (int document in row.SequenceLengths ?? [row.Length])
            {
                for (int position = 0; position < document; position++, at++, inRow++)
                {
                    ids[at] = row.InputIds[inRow];
                    positions[at] = position;

                    // The first token of a document has nothing to be predicted from.
                    labels[at] = position == 0 ? TokenizedRow.Ignored : row.Labels[inRow];
                    if (position == 0)
                    {
                        starts.Add(at);
                    }
                }
            }
        }

        // Each token of padding is a sequence of its own, at position 0.
        starts.AddRange(Enumerable.Range(at, length - at + 1));
        return new Batch
        {
            InputIds = AsTensor(ids, 1, length),
            Labels = AsTensor(labels, 1, length),
            PositionIds = AsTensor(positions, 1, length),
            SequenceStarts = [.. starts],
            Rows = rows.Count,
            LabelCount = labels.Count(label => label != TokenizedRow.Ignored),
            TokenCount = tokens,
        };
    }

    private int RoundUp(int length)
    {
        int multiple = padToMultipleOf ?? 1;
        return checked((int)((length + (long)multiple - 1) / multiple * multiple));
    }

    // A batch belongs to whoever asked for it, whatever scope is open.
    private static Tensor AsTensor(long[] values, long rows, long width) => tensor(values, [rows, width]).DetachFromDisposeScope();
}
