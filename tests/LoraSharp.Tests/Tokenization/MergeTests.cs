using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

public class MergeTests
{
    [Fact]
    public void Both_ways_of_merging_are_the_definition()
    {
        var random = new Random(11);
        for (int round = 0; round < 400; round++)
        {
            int symbols = random.Next(1, 6);
            var merges = new PairTable(4);
            var ranks = new Dictionary<(int, int), (int Rank, int Id)>();
            for (int rank = 0; rank < 12; rank++)
            {
                // Later merges join the results of earlier ones.
                (int left, int right) = (random.Next(symbols + rank), random.Next(symbols + rank));
                if (ranks.TryAdd((left, right), (rank, symbols + rank)))
                {
                    merges.Set(left, right, rank, symbols + rank);
                }
            }

            int length = round % 2 == 0 ? random.Next(1, 48) : random.Next(49, 200);
            int[] word = [.. Enumerable.Range(0, length).Select(_ => random.Next(symbols))];
            int[] ids = [.. word];
            int[] widths = [.. word.Select(_ => 1)];
            int count = BpeMerger.Merge(ids, widths, merges);
            List<int> expected = MergeByDefinition([.. word], ranks);
            Assert.Equal(expected, ids[..count]);
            Assert.Equal(length, widths[..count].Sum());
        }
    }

    private static List<int> MergeByDefinition(List<int> word, Dictionary<(int, int), (int Rank, int Id)> ranks)
    {
        while (true)
        {
            (int Rank, int At, int Id) best = (int.MaxValue, 0, 0);
            for (int i = 0; i + 1 < word.Count; i++)
            {
                if (ranks.TryGetValue((word[i], word[i + 1]), out (int Rank, int Id) merge) && merge.Rank < best.Rank)
                {
                    best = (merge.Rank, i, merge.Id);
                }
            }

            if (best.Rank == int.MaxValue)
            {
                return word;
            }

            word[best.At] = best.Id;
            word.RemoveAt(best.At + 1);
        }
    }
}
