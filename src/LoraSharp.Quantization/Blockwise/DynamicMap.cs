namespace LoraSharp.Quantization;

/// <summary>
/// 256 values for 8-bit blockwise quantisation: a sign, a run of zeros as decimal exponent and a linear fraction, so that small values keep
/// relative precision ("8-bit Optimizers via Block-wise Quantization", arXiv:2110.02861).
/// </summary>
public sealed class DynamicMap
{
    /// <summary>The number of values of every map.</summary>
    public const int Size = 256;

    /// <summary>A map from given values, for instance those of a file.</summary>
    /// <param name="values">256 values in ascending order.</param>
    /// <exception cref="ArgumentException">Not 256 values, or not ascending.</exception>
    public DynamicMap(ReadOnlySpan<float> values)
    {
        if (values.Length != Size)
        {
            throw new ArgumentException($"A dynamic map has {Size} values, not {values.Length}.", nameof(values));
        }

        for (int i = 1; i < Size; i++)
        {
            // Written so that NaN is refused as well.
            if (!(values[i - 1] <= values[i]))
            {
                throw new ArgumentException($"The values of a dynamic map must ascend: value {i - 1} is {values[i - 1]}, value {i} is {values[i]}.", nameof(values));
            }
        }

        ValueArray = values.ToArray();
        for (int i = 0; i < Thresholds.Length; i++)
        {
            Thresholds[i] = (ValueArray[i] + ValueArray[i + 1]) / 2;
        }

        Search = new ThresholdSearch(Thresholds);
    }

    /// <summary>The map for values of both signs, from −0.99297 to 1.</summary>
    public static DynamicMap Signed { get; } = Create(signed: true);

    /// <summary>The map for values that are never negative, from 0 to 1.</summary>
    public static DynamicMap Unsigned { get; } = Create(signed: false);

    /// <summary>The values in ascending order; an 8-bit code is an index into them.</summary>
    public ReadOnlyMemory<float> Values => ValueArray;

    /// <summary>The same, for kernels.</summary>
    internal float[] ValueArray { get; }

    /// <summary>Midpoints of adjacent values; the code of a value is the number of thresholds strictly below it.</summary>
    internal float[] Thresholds { get; } = new float[Size - 1];

    /// <summary>The fast way to count the thresholds below a value.</summary>
    internal ThresholdSearch Search { get; }

    /// <summary>Makes a map by the published rule.</summary>
    /// <param name="signed">Whether negative values are wanted as well.</param>
    /// <param name="maxExponentBits">Decades that the map spans, 1 to <paramref name="totalBits"/> − 1; exactly that for an unsigned map.</param>
    /// <param name="totalBits">Bits of a code, 2 to 8; below 8 the map is filled up with zeros to 256 values.</param>
    /// <returns>The map, equal to the last bit to that of bitsandbytes' create_dynamic_map.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The bits do not make a map.</exception>
    public static DynamicMap Create(bool signed, int maxExponentBits = 7, int totalBits = 8)
    {
        if (totalBits is < 2 or > 8)
        {
            throw new ArgumentOutOfRangeException(nameof(totalBits), totalBits, "A dynamic map has 2 to 8 bits.");
        }

        int bits = totalBits - 1;
        if (maxExponentBits < 1 || maxExponentBits > bits || (!signed && maxExponentBits != bits))
        {
            throw new ArgumentOutOfRangeException(
                nameof(maxExponentBits), maxExponentBits, $"A signed map of {totalBits} bits takes 1 to {bits} exponent bits, an unsigned one {bits}.");
        }

        var values = new List<float>(Size) { 0f, 1f };
        for (int i = 0; i < maxExponentBits; i++)
        {
            float scale = (float)Math.Pow(10, i - maxExponentBits + 1);
            AddMeans(values, scale, 1 << (i + bits - maxExponentBits + (signed ? 0 : 1)), signed);
        }

        AddMeans(values, 1f, (1 << (bits - maxExponentBits)) - 1, signed);
        while (values.Count < Size)
        {
            values.Add(0f);
        }

        values.Sort();
        return new DynamicMap(values.ToArray());
    }

    /// <summary>
    /// Adds the means of neighbouring boundaries among <paramref name="count"/> + 1 from 0.1 to 1. Each boundary is ONE fused multiply-add, counted
    /// from the nearer end, as torch.linspace computes it on hardware with FMA: without it the last bit of many values differs.
    /// </summary>
    private static void AddMeans(List<float> values, float scale, int count, bool signed)
    {
        if (count == 0)
        {
            return;
        }

        float step = (1f - 0.1f) / count;
        float Boundary(int j) =>
            j < (count + 1) / 2 ? MathF.FusedMultiplyAdd(step, j, 0.1f) : MathF.FusedMultiplyAdd(-step, count - j, 1f);
        for (int j = 0; j < count; j++)
        {
            float value = scale * ((Boundary(j) + Boundary(j + 1)) / 2);
            values.Add(value);
            if (signed)
            {
                values.Add(-value);
            }
        }
    }
}
