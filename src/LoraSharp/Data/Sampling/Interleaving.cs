namespace LoraSharp.Data;

/// <summary>The order in which rows of several data sets, laid end to end, are interleaved.</summary>
internal static class Interleaving
{
    private const double Tolerance = 1e-8;

    public static IEnumerable<int> Order(int[] counts, IReadOnlyList<double>? probabilities, long seed, bool untilAllExhausted)
    {
        int[] starts = new int[counts.Length];
        for (int i = 1; i < starts.Length; i++)
        {
            starts[i] = starts[i - 1] + counts[i - 1];
        }

        if (probabilities is null)
        {
            int rounds = untilAllExhausted ? counts.Max() : counts.Min();
            return Enumerable.Range(0, rounds).SelectMany(round => counts.Select((count, part) => starts[part] + (round % count)));
        }

        Check(counts.Length, probabilities);
        return Drawn(counts, starts, probabilities, seed, untilAllExhausted);
    }

    private static IEnumerable<int> Drawn(int[] counts, int[] starts, IReadOnlyList<double> probabilities, long seed, bool untilAllExhausted)
    {
        double[] bounds = [.. probabilities];
        for (int i = 1; i < bounds.Length; i++)
        {
            bounds[i] += bounds[i - 1];
        }

        var random = new Pcg64(seed);
        int[] next = new int[counts.Length];
        bool[] exhausted = new bool[counts.Length];
        while (untilAllExhausted ? exhausted.Contains(false) : !exhausted.Contains(true))
        {
            double draw = random.NextDouble();
            int part = Array.FindIndex(bounds, bound => draw < bound / bounds[^1]);
            yield return starts[part] + next[part];
            if (++next[part] >= counts[part])
            {
                exhausted[part] = true;
                next[part] = 0;
            }
        }
    }

    private static void Check(int parts, IReadOnlyList<double> probabilities)
    {
        if (probabilities.Count != parts || probabilities.Any(probability => !(probability > 0)) || Math.Abs(probabilities.Sum() - 1) > Tolerance)
        {
            throw new ArgumentException(
                $"The probabilities ({string.Join(", ", probabilities)}) must be one for each of the {parts} data sets, each above 0, with the sum 1.", nameof(probabilities));
        }
    }
}
