using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

/// <summary>The rules of 4-bit and 8-bit blocks, written as plainly as they can be stated; nothing here is shared with the kernels.</summary>
internal static class PlainReference
{
    private static readonly float[] Nf4 =
    [
        -1f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1f,
    ];

    private static readonly float[] Fp4Magnitudes = [0f, 0.0625f / 12f, 8f / 12f, 1f, 4f / 12f, 6f / 12f, 2f / 12f, 3f / 12f];

    public static float Value(FourBitType type, int nibble) =>
        type == FourBitType.Nf4 ? Nf4[nibble] : nibble < 8 ? Fp4Magnitudes[nibble] : 0f - Fp4Magnitudes[nibble - 8];

    /// <summary>Codes and scales of a tensor that has been widened to singles.</summary>
    public static (byte[] Packed, float[] Absmax) Quantize(float[] x, FourBitType type, int blockSize)
    {
        int[] nibbles = type == FourBitType.Nf4 ? [.. Enumerable.Range(0, 16)] : [11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3];
        float[] ascending = [.. nibbles.Select(n => Value(type, n))];
        (float[] scaled, float[] absmax) = Scale(x, blockSize);
        List<int> codes = [.. scaled.Select(s => nibbles[CountBelow(ascending, s)])];
        if (codes.Count % 2 != 0)
        {
            codes.Add(type == FourBitType.Nf4 ? 7 : 0);
        }

        return ([.. codes.Chunk(2).Select(pair => (byte)((pair[0] << 4) + pair[1]))], absmax);
    }

    public static float[] Dequantize(byte[] packed, float[] absmax, FourBitType type, int blockSize, int count) =>
        [.. Enumerable.Range(0, count).Select(i => Value(type, i % 2 == 0 ? packed[i / 2] / 16 : packed[i / 2] % 16) * absmax[i / blockSize])];

    public static (byte[] Codes, float[] Absmax) Quantize8(float[] x, float[] map, int blockSize)
    {
        (float[] scaled, float[] absmax) = Scale(x, blockSize);
        return ([.. scaled.Select(s => (byte)CountBelow(map, s))], absmax);
    }

    private static (float[] Scaled, float[] Absmax) Scale(float[] x, int blockSize)
    {
        var scaled = new float[x.Length];
        var absmax = new List<float>();
        for (int start = 0; start < x.Length; start += blockSize)
        {
            int length = Math.Min(blockSize, x.Length - start);
            float m = 0;
            for (int i = start; i < start + length; i++)
            {
                float magnitude = MathF.Abs(x[i]);
                if (magnitude > m || (float.IsNaN(magnitude) && (!float.IsNaN(m) || Bits(magnitude) > Bits(m))))
                {
                    m = magnitude;
                }
            }

            float clamped = m < 1e-38f ? 1e-38f : m;
            bool full = length == blockSize;
            absmax.Add(full ? m : clamped);
            for (int i = start; i < start + length; i++)
            {
                scaled[i] = full ? x[i] * (1f / clamped) : x[i] / clamped;
            }
        }

        return (scaled, [.. absmax]);
    }

    /// <summary>The rank of the nearest value, a tie taking the lower one.</summary>
    private static int CountBelow(float[] ascending, float value)
    {
        int count = 0;
        for (int i = 0; i + 1 < ascending.Length; i++)
        {
            count += value > (ascending[i] + ascending[i + 1]) / 2 ? 1 : 0;
        }

        return count;
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
