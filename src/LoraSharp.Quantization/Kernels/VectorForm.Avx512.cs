using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>512-bit vectors: 16 values are one register, so that looking a code up is one permute.</summary>
internal readonly unsafe struct Avx512Form : IVectorForm
{
    private static Vector512<ushort> OddWordsTwice
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, (ushort)31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MagnitudeBits<T>(T* x, int count)
        where T : unmanaged
    {
        Vector512<uint> mask = Vector512.Create(0x7FFFFFFFu);
        Vector512<uint> max = Vector512<uint>.Zero;
        nint i = 0;
        for (; i <= count - 16; i += 16)
        {
            max = Vector512.Max(max, Singles512.Load(x + i).AsUInt32() & mask);
        }

        Vector256<uint> half = Vector256.Max(max.GetLower(), max.GetUpper());
        Vector128<uint> quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        quarter = Vector128.Max(quarter, Vector128.Shuffle(quarter, Vector128.Create(2u, 3, 0, 1)));
        uint result = Math.Max(quarter[0], quarter[1]);
        return i == count ? result : Math.Max(result, ScalarForm.MagnitudeBits(x + i, count - (int)i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void QuantizeRun<T>(T* x, int count, float scale, bool divide, FourBitCodebook book, byte* packed)
        where T : unmanaged
    {
        Vector512<float> scales = Vector512.Create(scale);
        fixed (float* inside = book.Buckets.Inside)
        fixed (int* below = book.Buckets.Below)
        {
            Vector512<float> inside0 = Vector512.Load(inside);
            Vector512<float> inside1 = Vector512.Load(inside + 16);
            Vector512<int> below0 = Vector512.Load(below);
            Vector512<int> below1 = Vector512.Load(below + 16);
            Vector128<byte> nibbles = Vector128.Create(book.Nibbles, 0);
            nint i = 0;
            for (; i <= count - 32; i += 32)
            {
                Vector512<float> a = Singles512.Load(x + i);
                Vector512<float> b = Singles512.Load(x + i + 16);
                a = divide ? a / scales : a * scales;
                b = divide ? b / scales : b * scales;
                Vector128<byte> rankA = Avx512F.ConvertToVector128Byte(Rank(a, inside0, inside1, below0, below1, book.SplitsZero));
                Vector128<byte> rankB = Avx512F.ConvertToVector128Byte(Rank(b, inside0, inside1, below0, below1, book.SplitsZero));
                Pack(Ssse3.Shuffle(nibbles, rankA), packed + (i >> 1));
                Pack(Ssse3.Shuffle(nibbles, rankB), packed + (i >> 1) + 8);
            }

            if (i < count)
            {
                ScalarForm.QuantizeRun(x + i, count - (int)i, scale, divide, book, packed + (i >> 1));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void DequantizeRun<T>(byte* packed, int count, float scale, float* code, T* destination, bool streaming)
        where T : unmanaged
    {
        Vector512<float> scaled = Vector512.Load(code) * Vector512.Create(scale);
        nint i = 0;
        if (typeof(T) == typeof(float))
        {
            for (; i <= count - 16; i += 16)
            {
                Vector512<ulong> bytes = Avx512F.ConvertToVector512UInt64(Vector128.CreateScalar(*(ulong*)(packed + (i >> 1))).AsByte());
                Store(Avx512F.PermuteVar16x32(scaled, Split32(bytes).AsInt32()), (float*)destination + i, streaming);
            }
        }
        else
        {
            Vector512<ushort> table = Table<T>(scaled);
            for (; i <= count - 32; i += 32)
            {
                Vector512<uint> bytes = Avx512F.ConvertToVector512UInt32(Vector128.Load(packed + (i >> 1)));
                Store(Avx512BW.PermuteVar32x16(table, Split16(bytes).AsUInt16()), (ushort*)destination + i, streaming);
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
        Vector512<float> sum0 = Vector512<float>.Zero;
        Vector512<float> sum1 = Vector512<float>.Zero;
        nint i = 0;
        for (; i <= count - 32; i += 32)
        {
            sum0 = Avx512F.FusedMultiplyAdd(Singles512.Load(w + i), Vector512.Load(x + i), sum0);
            sum1 = Avx512F.FusedMultiplyAdd(Singles512.Load(w + i + 16), Vector512.Load(x + i + 16), sum1);
        }

        float sum = Vector512.Sum(sum0 + sum1);
        return i == count ? sum : sum + ScalarForm.Dot(w + i, x + i, count - (int)i);
    }

    public static void QuantizeBytes<T>(T* x, int count, float scale, bool divide, ThresholdSearch search, byte* codes)
        where T : unmanaged
    {
        Vector512<float> scales = Vector512.Create(scale);
        Vector512<int> lowMask = Vector512.Create((1 << search.Shift) - 1);
        Vector512<int> first = Vector512.Create(search.FirstCell - 1);
        Vector512<int> last = Vector512.Create(search.LastCell);
        fixed (int* table = search.Table)
        {
            nint i = 0;
            for (; i <= count - 16; i += 16)
            {
                Vector512<float> s = Singles512.Load(x + i);
                Vector512<int> bits = (divide ? s / scales : s * scales).AsInt32();
                Vector512<int> sign = bits >> 31;
                Vector512<int> cell = ((bits & Vector512.Create(0x7FFFFFFF)) >> search.Shift) - first;
                cell = Vector512.Min(Vector512.Max(cell, Vector512<int>.Zero), last);
                Vector512<int> entry = Gather(table, cell + (sign & (last + Vector512<int>.One)));
                Vector512<int> rank = (entry & Vector512.Create(0xFF)) - Vector512.GreaterThan((bits ^ sign) & lowMask, entry >> 8);
                Avx512F.ConvertToVector128Byte(rank).Store(codes + i);
            }

            if (i < count)
            {
                ScalarForm.QuantizeBytes(x + i, count - (int)i, scale, divide, search, codes + i);
            }
        }
    }

    // .NET has no 512-bit gather; two of 256 bits are as fast, since the lookups themselves take the time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Gather(int* table, Vector512<int> index) =>
        Vector512.Create(Avx2.GatherVector256(table, index.GetLower(), 4), Avx2.GatherVector256(table, index.GetUpper(), 4));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DotInt8(sbyte* w, sbyte* x, nint stride, int count, int* sums)
    {
        if (AvxVnni.IsSupported)
        {
            Avx2Form.DotInt8(w, x, stride, count, sums);
            return;
        }

        Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default;
        nint i = 0;
        for (; i <= count - 32; i += 32)
        {
            Vector512<short> weight = Widen(w + i);
            sbyte* row = x + i;
            s0 += Avx512BW.MultiplyAddAdjacent(weight, Widen(row));
            s1 += Avx512BW.MultiplyAddAdjacent(weight, Widen(row + stride));
            s2 += Avx512BW.MultiplyAddAdjacent(weight, Widen(row + (2 * stride)));
            s3 += Avx512BW.MultiplyAddAdjacent(weight, Widen(row + (3 * stride)));
        }

        ScalarForm.DotInt8(w + i, x + i, stride, count - (int)i, sums);
        sums[0] += Vector512.Sum(s0);
        sums[1] += Vector512.Sum(s1);
        sums[2] += Vector512.Sum(s2);
        sums[3] += Vector512.Sum(s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Widen(sbyte* source) => Avx512BW.ConvertToVector512Int16(Vector256.Load(source));

    /// <summary>The 16 scaled values, rounded once, twice over: the upper half answers indices whose fifth bit is noise.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ushort> Table<T>(Vector512<float> scaled)
        where T : unmanaged
    {
        if (typeof(T) == typeof(BFloat16))
        {
            // The results are the upper halves of the lanes; one permute gathers them.
            return Avx512BW.PermuteVar32x16(Singles512.RoundInPlace(scaled).AsUInt16(), OddWordsTwice);
        }

        return Avx512BW.PermuteVar32x16(Singles512.Round<T>(scaled).AsUInt16(), OddWordsTwice - Vector512<ushort>.One);
    }

    /// <summary>Each 64-bit lane holding a byte becomes two indices: b >> 4 for the even element, b for the odd one (a permute reads the low 4 bits only).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Split32(Vector512<ulong> bytes) =>
        Avx512Vbmi.IsSupported
            ? Avx512Vbmi.MultiShift(Vector512.Create(0x0000_0000_0000_0004ul).AsByte(), bytes).AsUInt64()
            : (bytes >> 4) | (bytes << 32);

    /// <summary>The same for 32-bit lanes and 16-bit indices.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Split16(Vector512<uint> bytes) =>
        Avx512Vbmi.IsSupported
            ? Avx512Vbmi.MultiShift(Vector512.Create(0x0020_0024_0000_0004ul).AsByte(), bytes.AsUInt64()).AsUInt32()
            : (bytes >> 4) | (bytes << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(Vector512<T> value, T* destination, bool streaming)
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

    /// <summary>The number of thresholds strictly below each value: a bucket of the value's range, and one comparison within it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Rank(
        Vector512<float> s, Vector512<float> inside0, Vector512<float> inside1, Vector512<int> below0, Vector512<int> below1, bool splitsZero)
    {
        // NaN converts to int.MinValue, whose low bits choose bucket 0, where no comparison holds: rank 0.
        Vector512<int> bucket = Avx512F.ConvertToVector512Int32WithTruncation(
            Avx512F.FusedMultiplyAdd(s, Vector512.Create(FourBitBuckets.Slope), Vector512.Create(FourBitBuckets.Origin)));
        Vector512<float> threshold = Avx512F.PermuteVar16x32x2(inside0, bucket, inside1);
        Vector512<int> rank = Avx512F.PermuteVar16x32x2(below0, bucket, below1);
        rank -= Vector512.GreaterThan(s, threshold).AsInt32();
        return splitsZero ? rank - Vector512.GreaterThan(s, Vector512<float>.Zero).AsInt32() : rank;
    }

    /// <summary>16 codes to 8 bytes, the even one in the high nibble.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pack(Vector128<byte> codes, byte* packed)
    {
        Vector128<short> pairs = Ssse3.MultiplyAddAdjacent(codes, Vector128.Create((ushort)0x0110).AsSByte());
        *(ulong*)packed = Sse2.PackUnsignedSaturate(pairs, pairs).AsUInt64().ToScalar();
    }
}
