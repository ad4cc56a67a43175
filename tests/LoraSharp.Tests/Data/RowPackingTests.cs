using FsCheck.Xunit;
using LoraSharp.Data;

namespace LoraSharp.Tests.Data;

public class RowPackingTests
{
    [Fact]
    public void Isolated_slices_know_where_their_documents_end()
    {
        TokenizedRow[] rows = Rows([4, 0, 2, 9, 1]);
        IReadOnlyList<TokenizedRow> packed = [.. RowPacking.Pack(rows, 5, PackingStrategy.WrappedIsolated)];
        Assert.Equal([[4, 1], [1, 4], [5], [1]], packed.Select(row => row.SequenceLengths!));
        Assert.Equal(RowPacking.Pack(rows, 5, PackingStrategy.Wrapped).Select(row => row.InputIds), packed.Select(row => row.InputIds));
        Assert.All(RowPacking.Pack(rows, 5, PackingStrategy.Wrapped), row => Assert.Null(row.SequenceLengths));
    }

    [Property]
    public bool No_token_is_lost_or_doubled_and_no_row_is_too_long(byte[] lengths, byte limit)
    {
        int length = 1 + (limit % 40);
        TokenizedRow[] rows = Rows([.. (lengths ?? []).Select(value => value % 60)]);
        return new[] { PackingStrategy.Bfd, PackingStrategy.BfdSplit, PackingStrategy.Wrapped, PackingStrategy.WrappedIsolated }.All(strategy =>
        {
            IReadOnlyList<TokenizedRow> packed = [.. RowPacking.Pack(rows, length, strategy)];
            IEnumerable<int> kept = strategy == PackingStrategy.Bfd ? rows.SelectMany(row => row.InputIds.Take(length)) : rows.SelectMany(row => row.InputIds);
            return packed.All(row => row.Length <= length && row.Length > 0 && row.Labels.SequenceEqual(row.InputIds))
                && packed.All(row => row.SequenceLengths is null || (row.SequenceLengths.Sum() == row.Length && row.SequenceLengths.All(n => n > 0)))
                && packed.SelectMany(row => row.InputIds).Order().SequenceEqual(kept.Order());
        });
    }

    [Property]
    public bool Documents_stay_whole_under_best_fit(byte[] lengths)
    {
        const int Length = 64;
        TokenizedRow[] rows = Rows([.. (lengths ?? []).Select(value => value % Length)]);
        HashSet<string> documents = [.. rows.Where(row => row.Length > 0).Select(row => string.Join(',', row.InputIds))];
        foreach (TokenizedRow bin in RowPacking.Pack(rows, Length, PackingStrategy.Bfd))
        {
            int at = 0;
            foreach (int length in bin.SequenceLengths!)
            {
                if (!documents.Remove(string.Join(',', bin.InputIds[at..(at + length)])))
                {
                    return false;
                }

                at += length;
            }
        }

        return documents.Count == 0;
    }

    /// <summary>Rows of distinct tokens.</summary>
    private static TokenizedRow[] Rows(int[] lengths)
    {
        int next = 0;
        return [.. lengths.Select(length =>
        {
            int[] ids = [.. Enumerable.Range(next, length)];
            next += length;
            return new TokenizedRow(ids, ids);
        })];
    }
}
