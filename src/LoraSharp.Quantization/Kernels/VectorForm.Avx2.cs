using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>256-bit vectors: the 16 values are looked up as bytes (16-bit results) or as two halves and a blend (singles).</summary>
internal readonly unsafe struct Avx2Form : IVectorForm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MagnitudeBits<T>(T* x, int count)
        where T : unmanaged
    {
        Vector256<uint> mask = Vector256.Create(0x7FFFFFFFu);
        Vector256<uint> max = Vector256<uint>.Zero;
        nint i = 0;
        for (; i <= count - 8; i += 8)
        {
            max = Vector256.Max(max, Singles256.Load(x + i).AsUInt32() & mask);
        }

        Vector128<uint> half = Vector128.Max(max.GetLower(), max.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2u, 3, 0, 1)));
        uint result = Math.Max(half[0], half[1]);
        return i == count ? result : Math.Max(result, ScalarForm.MagnitudeBits(x + i, count - (int)i));
    }

    public static void QuantizeRun<T>(T* x, int count, float scale, bool divide, FourBitCodebook book, byte* packed)
        where T : unmanaged
    {
        Vector256<float> scales = Vector256.Create(scale);
        Vector256<byte> nibbles = Vector256.Create(Vector128.Create(book.Nibbles, 0));
        nint i = 0;
        for (; i <= count - 32; i += 32)
        {
            Vector256<float> s0 = Singles256.Load(x + i);
            Vector256<float> s1 = Singles256.Load(x + i + 8);
            Vector256<float> s2 = Singles256.Load(x + i + 16);
            Vector256<float> s3 = Singles256.Load(x + i + 24);
            s0 = divide ? s0 / scales : s0 * scales;
            s1 = divide ? s1 / scales : s1 * scales;
            s2 = divide ? s2 / scales : s2 * scales;
            s3 = divide ? s3 / scales : s3 * scales;

            // A comparison that holds is -1 in every bit: subtracting it counts the thresholds below.
            Vector256<int> r0 = default, r1 = default, r2 = default, r3 = default;
            foreach (float threshold in book.Thresholds)
            {
                Vector256<float> t = Vector256.Create(threshold);
                r0 -= Avx.CompareGreaterThan(s0, t).AsInt32();
                r1 -= Avx.CompareGreaterThan(s1, t).AsInt32();
                r2 -= Avx.CompareGreaterThan(s2, t).AsInt32();
                r3 -= Avx.CompareGreaterThan(s3, t).AsInt32();
            }

            Vector256<byte> ranks = Vector256.Narrow(Vector256.Narrow(r0, r1), Vector256.Narrow(r2, r3)).AsByte();
            Vector256<short> pairs = Avx2.MultiplyAddAdjacent(Avx2.Shuffle(nibbles, ranks), Vector256.Create((ushort)0x0110).AsSByte());
            Vector128.Narrow(pairs.GetLower().AsUInt16(), pairs.GetUpper().AsUInt16()).Store(packed + (i >> 1));
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
        Vector256<float> low = Vector256.Load(code) * Vector256.Create(scale);
        Vector256<float> high = Vector256.Load(code + 8) * Vector256.Create(scale);
        nint i = 0;
        if (typeof(T) == typeof(float))
        {
            for (; i <= count - 8; i += 8)
            {
                Vector256<ulong> bytes = Avx2.ConvertToVector256Int64(Vector128.CreateScalar(*(uint*)(packed + (i >> 1))).AsByte()).AsUInt64();
                Vector256<int> index = ((bytes >> 4) | (bytes << 32)).AsInt32();

                // The permute reads 3 bits; the fourth, moved to the sign, chooses the half.
                Vector256<float> value = Avx.BlendVariable(
                    Avx2.PermuteVar8x32(low, index), Avx2.PermuteVar8x32(high, index), (index << 28).AsSingle());
                Store(value, (float*)destination + i, streaming);
            }
        }
        else
        {
            Vector256<ushort> table = Vector256.Narrow(Singles256.Round<T>(low), Singles256.Round<T>(high));
            Vector128<byte> lowBytes = Vector128.Narrow(table.GetLower() & Vector128.Create((ushort)0xFF), table.GetUpper() & Vector128.Create((ushort)0xFF));
            Vector128<byte> highBytes = Vector128.Narrow(table.GetLower() >> 8, table.GetUpper() >> 8);
            Vector256<byte> lowTable = Vector256.Create(lowBytes, lowBytes);
            Vector256<byte> highTable = Vector256.Create(highBytes, highBytes);
            Vector128<byte> nibble = Vector128.Create((byte)15);
            for (; i <= count - 32; i += 32)
            {
                // Middle quarters exchanged, so that unpacking within 128-bit lanes leaves the elements in order.
                Vector128<byte> bytes = Sse2.Shuffle(Vector128.Load(packed + (i >> 1)).AsInt32(), 0b11_01_10_00).AsByte();
                Vector128<byte> even = (bytes.AsUInt16() >> 4).AsByte() & nibble;
                Vector128<byte> odd = bytes & nibble;
                Vector256<byte> index = Vector256.Create(Sse2.UnpackLow(even, odd), Sse2.UnpackHigh(even, odd));
                Vector256<byte> l = Avx2.Shuffle(lowTable, index);
                Vector256<byte> h = Avx2.Shuffle(highTable, index);
                Store(Avx2.UnpackLow(l, h).AsUInt16(), (ushort*)destination + i, streaming);
                Store(Avx2.UnpackHigh(l, h).AsUInt16(), (ushort*)destination + i + 16, streaming);
            }
        }

        if (i < count)
        {
            ScalarForm.DequantizeRun(packed + (i >> 1), count - (int)i, scale, code, destination + i, streaming);
        }
    }

    public static float Dot<T>(T* w, float* x, int count)
        where T : unmanaged
    {
        Vector256<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= count - 32; i += 32)
        {
            sum0 = Fma.MultiplyAdd(Singles256.Load(w + i), Vector256.Load(x + i), sum0);
            sum1 = Fma.MultiplyAdd(Singles256.Load(w + i + 8), Vector256.Load(x + i + 8), sum1);
            sum2 = Fma.MultiplyAdd(Singles256.Load(w + i + 16), Vector256.Load(x + i + 16), sum2);
            sum3 = Fma.MultiplyAdd(Singles256.Load(w + i + 24), Vector256.Load(x + i + 24), sum3);
        }

        float sum = Vector256.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == count ? sum : sum + ScalarForm.Dot(w + i, x + i, count - (int)i);
    }

    public static void QuantizeBytes<T>(T* x, int count, float scale, bool divide, ThresholdSearch search, byte* codes)
        where T : unmanaged
    {
        Vector256<float> scales = Vector256.Create(scale);
        Vector256<int> lowMask = Vector256.Create((1 << search.Shift) - 1);
        Vector256<int> first = Vector256.Create(search.FirstCell - 1);
        Vector256<int> last = Vector256.Create(search.LastCell);
        fixed (int* table = search.Table)
        {
            nint i = 0;
            for (; i <= count - 8; i += 8)
            {
                Vector256<float> s = Singles256.Load(x + i);
                Vector256<int> bits = (divide ? s / scales : s * scales).AsInt32();
                Vector256<int> sign = bits >> 31;
                Vector256<int> cell = ((bits & Vector256.Create(0x7FFFFFFF)) >> search.Shift) - first;
                cell = Vector256.Min(Vector256.Max(cell, Vector256<int>.Zero), last);
                Vector256<int> entry = Avx2.GatherVector256(table, cell + (sign & (last + Vector256<int>.One)), 4);
                Vector256<int> rank = (entry & Vector256.Create(0xFF)) - Vector256.GreaterThan((bits ^ sign) & lowMask, entry >> 8);
                Vector128<ushort> words = Vector128.Narrow(rank.GetLower().AsUInt32(), rank.GetUpper().AsUInt32());
                *(ulong*)(codes + i) = Vector128.Narrow(words, words).AsUInt64().ToScalar();
            }

            if (i < count)
            {
                ScalarForm.QuantizeBytes(x + i, count - (int)i, scale, divide, search, codes + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DotInt8(sbyte* w, sbyte* x, nint stride, int count, int* sums)
    {
        Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default;
        nint i = 0;
        if (AvxVnni.IsSupported)
        {
            for (; i <= count - 32; i += 32)
            {
                // The instruction wants one unsigned side: |w| · (x with w's sign).
                Vector256<sbyte> weight = Vector256.Load(w + i);
                Vector256<byte> magnitude = Avx2.Abs(weight);
                sbyte* row = x + i;
                s0 = AvxVnni.MultiplyWideningAndAdd(s0, magnitude, Avx2.Sign(Vector256.Load(row), weight));
                s1 = AvxVnni.MultiplyWideningAndAdd(s1, magnitude, Avx2.Sign(Vector256.Load(row + stride), weight));
                s2 = AvxVnni.MultiplyWideningAndAdd(s2, magnitude, Avx2.Sign(Vector256.Load(row + (2 * stride)), weight));
                s3 = AvxVnni.MultiplyWideningAndAdd(s3, magnitude, Avx2.Sign(Vector256.Load(row + (3 * stride)), weight));
            }
        }

        for (; i <= count - 16; i += 16)
        {
            Vector256<short> weight = Avx2.ConvertToVector256Int16(w + i);
            sbyte* row = x + i;
            s0 += Avx2.MultiplyAddAdjacent(weight, Avx2.ConvertToVector256Int16(row));
            s1 += Avx2.MultiplyAddAdjacent(weight, Avx2.ConvertToVector256Int16(row + stride));
            s2 += Avx2.MultiplyAddAdjacent(weight, Avx2.ConvertToVector256Int16(row + (2 * stride)));
            s3 += Avx2.MultiplyAddAdjacent(weight, Avx2.ConvertToVector256Int16(row + (3 * stride)));
        }

        ScalarForm.DotInt8(w + i, x + i, stride, count - (int)i, sums);
        sums[0] += Vector256.Sum(s0);
        sums[1] += Vector256.Sum(s1);
        sums[2] += Vector256.Sum(s2);
        sums[3] += Vector256.Sum(s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(Vector256<T> value, T* destination, bool streaming)
        where T : unmanaged
    {
        if (streaming)
        {
            value.StoreAlignedNonTemporal(destination);
        }
        else
        {
            value.Store(destination);
        }
    }
}
