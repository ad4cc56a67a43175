using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LoraSharp.Quantization;

/// <summary>128-bit vectors in the portable notation: Arm's AdvSimd, or SSE on x64. The 16 values are looked up as bytes.</summary>
internal readonly unsafe struct Vector128Form : IVectorForm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MagnitudeBits<T>(T* x, int count)
        where T : unmanaged
    {
        Vector128<uint> mask = Vector128.Create(0x7FFFFFFFu);
        Vector128<uint> max = Vector128<uint>.Zero;
        nint i = 0;
        for (; i <= count - 4; i += 4)
        {
            max = Vector128.Max(max, Singles128.Load(x + i).AsUInt32() & mask);
        }

        uint result = Math.Max(Math.Max(max[0], max[1]), Math.Max(max[2], max[3]));
        return i == count ? result : Math.Max(result, ScalarForm.MagnitudeBits(x + i, count - (int)i));
    }

    public static void QuantizeRun<T>(T* x, int count, float scale, bool divide, FourBitCodebook book, byte* packed)
        where T : unmanaged
    {
        Vector128<float> scales = Vector128.Create(scale);
        Vector128<byte> nibbles = Vector128.Create(book.Nibbles, 0);
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            Vector128<float> s0 = Singles128.Load(x + i);
            Vector128<float> s1 = Singles128.Load(x + i + 4);
            Vector128<float> s2 = Singles128.Load(x + i + 8);
            Vector128<float> s3 = Singles128.Load(x + i + 12);
            s0 = divide ? s0 / scales : s0 * scales;
            s1 = divide ? s1 / scales : s1 * scales;
            s2 = divide ? s2 / scales : s2 * scales;
            s3 = divide ? s3 / scales : s3 * scales;

            // A comparison that holds is -1 in every bit: subtracting it counts the thresholds below.
            Vector128<int> r0 = default, r1 = default, r2 = default, r3 = default;
            foreach (float threshold in book.Thresholds)
            {
                Vector128<float> t = Vector128.Create(threshold);
                r0 -= Vector128.GreaterThan(s0, t).AsInt32();
                r1 -= Vector128.GreaterThan(s1, t).AsInt32();
                r2 -= Vector128.GreaterThan(s2, t).AsInt32();
                r3 -= Vector128.GreaterThan(s3, t).AsInt32();
            }

            Vector128<byte> ranks = Vector128.Narrow(Vector128.Narrow(r0, r1), Vector128.Narrow(r2, r3)).AsByte();

            // As 16-bit lanes the even code is the lower byte: shifted left by 4 beside the odd one.
            Vector128<ushort> pairs = Vector128.Shuffle(nibbles, ranks).AsUInt16();
            pairs = ((pairs << 4) | (pairs >> 8)) & Vector128.Create((ushort)0xFF);
            *(ulong*)(packed + (i >> 1)) = Vector128.Narrow(pairs, pairs).AsUInt64().ToScalar();
        }

        if (i < count)
        {
            ScalarForm.QuantizeRun(x + i, count - (int)i, scale, divide, book, packed + (i >> 1));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void DequantizeRun<T>(byte* packed, int count, float scale, float* code, T* destination, bool streaming)
        where T : unmanaged
    {
        Vector128<float> scales = Vector128.Create(scale);
        Vector128<uint> v0 = Bits<T>(Vector128.Load(code) * scales);
        Vector128<uint> v1 = Bits<T>(Vector128.Load(code + 4) * scales);
        Vector128<uint> v2 = Bits<T>(Vector128.Load(code + 8) * scales);
        Vector128<uint> v3 = Bits<T>(Vector128.Load(code + 12) * scales);
        Vector128<byte> table0 = ByteOf(v0, v1, v2, v3, 0);
        Vector128<byte> table1 = ByteOf(v0, v1, v2, v3, 8);
        Vector128<byte> table2 = typeof(T) == typeof(float) ? ByteOf(v0, v1, v2, v3, 16) : default;
        Vector128<byte> table3 = typeof(T) == typeof(float) ? ByteOf(v0, v1, v2, v3, 24) : default;
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            Vector128<byte> bytes = Vector128.CreateScalar(*(ulong*)(packed + (i >> 1))).AsByte();

            // 16-bit lanes b become (b >> 4, b & 15): the indices of 16 elements in order.
            Vector128<ushort> lanes = Vector128.WidenLower(bytes);
            Vector128<byte> index = ((lanes >> 4) | ((lanes & Vector128.Create((ushort)15)) << 8)).AsByte();
            Vector128<byte> b0 = Vector128.Shuffle(table0, index);
            Vector128<byte> b1 = Vector128.Shuffle(table1, index);
            Vector128<ushort> lower = Interleave(Vector128.WidenLower(b0), Vector128.WidenLower(b1));
            Vector128<ushort> upper = Interleave(Vector128.WidenUpper(b0), Vector128.WidenUpper(b1));
            if (typeof(T) != typeof(float))
            {
                lower.Store((ushort*)destination + i);
                upper.Store((ushort*)destination + i + 8);
                continue;
            }

            Vector128<byte> b2 = Vector128.Shuffle(table2, index);
            Vector128<byte> b3 = Vector128.Shuffle(table3, index);
            Vector128<ushort> lowerHigh = Interleave(Vector128.WidenLower(b2), Vector128.WidenLower(b3));
            Vector128<ushort> upperHigh = Interleave(Vector128.WidenUpper(b2), Vector128.WidenUpper(b3));
            (Vector128.WidenLower(lower) | (Vector128.WidenLower(lowerHigh) << 16)).Store((uint*)destination + i);
            (Vector128.WidenUpper(lower) | (Vector128.WidenUpper(lowerHigh) << 16)).Store((uint*)destination + i + 4);
            (Vector128.WidenLower(upper) | (Vector128.WidenLower(upperHigh) << 16)).Store((uint*)destination + i + 8);
            (Vector128.WidenUpper(upper) | (Vector128.WidenUpper(upperHigh) << 16)).Store((uint*)destination + i + 12);
        }

        if (i < count)
        {
            ScalarForm.DequantizeRun(packed + (i >> 1), count - (int)i, scale, code, destination + i, streaming);
        }
    }

    public static float Dot<T>(T* w, float* x, int count)
        where T : unmanaged
    {
        Vector128<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            sum0 = Vector128.MultiplyAddEstimate(Singles128.Load(w + i), Vector128.Load(x + i), sum0);
            sum1 = Vector128.MultiplyAddEstimate(Singles128.Load(w + i + 4), Vector128.Load(x + i + 4), sum1);
            sum2 = Vector128.MultiplyAddEstimate(Singles128.Load(w + i + 8), Vector128.Load(x + i + 8), sum2);
            sum3 = Vector128.MultiplyAddEstimate(Singles128.Load(w + i + 12), Vector128.Load(x + i + 12), sum3);
        }

        float sum = Vector128.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == count ? sum : sum + ScalarForm.Dot(w + i, x + i, count - (int)i);
    }

    public static void DotInt8(sbyte* w, sbyte* x, nint stride, int count, int* sums)
    {
        for (int m = 0; m < 4; m++)
        {
            Vector128<int> sum = default;
            sbyte* row = x + (m * stride);
            nint i = 0;
            for (; i <= count - 16; i += 16)
            {
                Vector128<sbyte> a = Vector128.Load(w + i);
                Vector128<sbyte> b = Vector128.Load(row + i);

                // A product of two bytes fits 16 bits; sums need 32.
                Vector128<short> low = Vector128.WidenLower(a) * Vector128.WidenLower(b);
                Vector128<short> high = Vector128.WidenUpper(a) * Vector128.WidenUpper(b);
                sum += Vector128.WidenLower(low) + Vector128.WidenUpper(low) + Vector128.WidenLower(high) + Vector128.WidenUpper(high);
            }

            int total = Vector128.Sum(sum);
            for (; i < count; i++)
            {
                total += w[i] * row[i];
            }

            sums[m] = total;
        }
    }

    // Lookups in a table of this size are one at a time without a gather instruction.
    public static void QuantizeBytes<T>(T* x, int count, float scale, bool divide, ThresholdSearch search, byte* codes)
        where T : unmanaged => ScalarForm.QuantizeBytes(x, count, scale, divide, search, codes);

    /// <summary>The bits of the values as they are stored: rounded for 16-bit types.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Bits<T>(Vector128<float> values)
        where T : unmanaged => typeof(T) == typeof(float) ? values.AsUInt32() : Singles128.Round<T>(values);

    /// <summary>One byte of each of 16 values, as a lookup table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> ByteOf(Vector128<uint> v0, Vector128<uint> v1, Vector128<uint> v2, Vector128<uint> v3, int shift)
    {
        Vector128<uint> mask = Vector128.Create(0xFFu);
        return Vector128.Narrow(
            Vector128.Narrow((v0 >> shift) & mask, (v1 >> shift) & mask), Vector128.Narrow((v2 >> shift) & mask, (v3 >> shift) & mask));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> Interleave(Vector128<ushort> low, Vector128<ushort> high) => low | (high << 8);
}
