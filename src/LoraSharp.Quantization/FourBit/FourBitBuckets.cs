namespace LoraSharp.Quantization;

/// <summary>
/// Cuts [-1, 1] into 32 buckets with at most one threshold each, so that two lookups and one comparison give a value's rank. A value that
/// rounding puts into the neighbouring bucket gets the right rank all the same, since no threshold lies near an edge.
/// </summary>
internal sealed class FourBitBuckets
{
    /// <summary>bucket = (int)(value × Slope + Origin): an edge at 0, and below 32 for values a little above 1.</summary>
    public const float Slope = 15.9f;

    public const float Origin = 16f;
    private const float EdgeMargin = 1e-4f;

    public FourBitBuckets(IEnumerable<float> thresholds)
    {
        float[] sorted = [.. thresholds.Order()];
        Array.Fill(Inside, float.PositiveInfinity);
        for (int bucket = 0; bucket < Inside.Length; bucket++)
        {
            Below[bucket] = sorted.Count(t => Math.Floor((t * Slope) + Origin) < bucket);
        }

        foreach (float threshold in sorted)
        {
            double place = ((double)threshold * Slope) + Origin;
            int bucket = (int)Math.Floor(place);
            if (Math.Abs(place - Math.Round(place)) < EdgeMargin || Inside[bucket] != float.PositiveInfinity)
            {
                throw new InvalidOperationException($"The threshold {threshold} is too near to an edge or to another threshold for this table.");
            }

            Inside[bucket] = threshold;
        }
    }

    /// <summary>The threshold in each bucket; infinity where there is none.</summary>
    public float[] Inside { get; } = new float[32];

    /// <summary>The number of thresholds in the buckets below.</summary>
    public int[] Below { get; } = new int[32];
}
