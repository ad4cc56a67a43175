using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>
/// The fused product: codes are looked up in registers and multiplied at once. Even and odd elements of x lie apart, so that 16 packed bytes give
/// two vectors of weights (their high and low nibbles) without interleaving.
/// </summary>
internal static unsafe class FusedProduct512
{
    /// <summary>Elements of x that all rows of the weight are multiplied with before the next ones: half of a first-level cache of 32 KiB.</summary>
    private const int TileElements = 4096;

    /// <summary>Rows [firstRow, endRow) of the weight times all rows of x; columns are a multiple of the block size, scales are finite, y is [batch, rows].</summary>
    public static void Multiply<T>(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, float* prepared, int batch, float* y)
        where T : unmanaged
    {
        int tile = Tile(batch, columns, weight.BlockSize);
        for (int k = 0; k < columns; k += tile)
        {
            int length = Math.Min(tile, columns - k);
            float* tileOfX = prepared + ((long)k * batch);
            int m = 0;
            for (; batch - m >= 8; m += 8)
            {
                Rows<T, Eight>(weight, firstRow, endRow, rows, columns, k, length, tileOfX + ((long)m * length), m, y);
            }

            for (; batch - m >= 4; m += 4)
            {
                Rows<T, Four>(weight, firstRow, endRow, rows, columns, k, length, tileOfX + ((long)m * length), m, y);
            }

            for (; batch - m >= 2; m += 2)
            {
                Rows<T, Two>(weight, firstRow, endRow, rows, columns, k, length, tileOfX + ((long)m * length), m, y);
            }

            if (m < batch)
            {
                Rows<T, One>(weight, firstRow, endRow, rows, columns, k, length, tileOfX + ((long)m * length), m, y);
            }
        }
    }

    /// <summary>Rows of the weight times the rows [m, m + count) of a tile of x, over columns [k, k + length).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<T, TCount>(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, int k, int length, float* x, int m, float* y)
        where T : unmanaged
        where TCount : struct, IRowCount
    {
        FourBitAddresses w = weight;
        int blockSize = w.BlockSize;
        Vector512<float> code = Vector512.Load(weight.Code);
        float* target = y + ((long)m * rows);
        for (int n = firstRow; n < endRow; n++)
        {
            long first = ((long)n * columns) + k;
            byte* packed = w.Packed + (first >> 1);
            long block = first / blockSize;
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
            Vector512<float> s4 = default, s5 = default, s6 = default, s7 = default;
            for (nint i = 0; i < length; block++)
            {
                float scale = w.Scale(block);
                Vector512<float> table = Rounded<T>(code * Vector512.Create(scale));
                nint end = i + blockSize;
                if (TCount.Count == 1 && blockSize >= 64)
                {
                    // Four sums, so that additions need not wait for each other.
                    for (; i < end; i += 64)
                    {
                        Vector512<int> b0 = Avx512F.ConvertToVector512Int32(Vector128.Load(packed + (i >> 1)));
                        Vector512<int> b1 = Avx512F.ConvertToVector512Int32(Vector128.Load(packed + (i >> 1) + 16));
                        s0 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, b0 >>> 4), Vector512.LoadAligned(x + i), s0);
                        s1 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, b0), Vector512.LoadAligned(x + i + 16), s1);
                        s2 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, b1 >>> 4), Vector512.LoadAligned(x + i + 32), s2);
                        s3 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, b1), Vector512.LoadAligned(x + i + 48), s3);
                    }
                }

                for (; i < end; i += 32)
                {
                    Vector512<int> bytes = Avx512F.ConvertToVector512Int32(Vector128.Load(packed + (i >> 1)));
                    Vector512<float> even = Avx512F.PermuteVar16x32(table, bytes >>> 4);
                    Vector512<float> odd = Avx512F.PermuteVar16x32(table, bytes);
                    float* xi = x + i;
                    s0 = Add(s0, even, odd, xi);
                    if (TCount.Count > 1)
                    {
                        s1 = Add(s1, even, odd, xi + length);
                    }

                    if (TCount.Count > 2)
                    {
                        s2 = Add(s2, even, odd, xi + (2 * (nint)length));
                        s3 = Add(s3, even, odd, xi + (3 * (nint)length));
                    }

                    if (TCount.Count > 4)
                    {
                        s4 = Add(s4, even, odd, xi + (4 * (nint)length));
                        s5 = Add(s5, even, odd, xi + (5 * (nint)length));
                        s6 = Add(s6, even, odd, xi + (6 * (nint)length));
                        s7 = Add(s7, even, odd, xi + (7 * (nint)length));
                    }
                }
            }

            if (TCount.Count == 1)
            {
                Put(Vector512.Sum((s0 + s1) + (s2 + s3)), target + n, k);
            }
            else if (TCount.Count <= 4)
            {
                Vector128<float> sums = Sums(s0, s1, s2, s3);
                for (int j = 0; j < TCount.Count; j++)
                {
                    Put(sums[j], target + ((long)j * rows) + n, k);
                }
            }
            else
            {
                Vector256<float> sums = Vector256.Create(Sums(s0, s1, s2, s3), Sums(s4, s5, s6, s7));
                float* lanes = (float*)&sums;
                for (int j = 0; j < 8; j++)
                {
                    Put(lanes[j], target + ((long)j * rows) + n, k);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(Vector512<float> sum, Vector512<float> even, Vector512<float> odd, float* x) =>
        Avx512F.FusedMultiplyAdd(odd, Vector512.LoadAligned(x + 16), Avx512F.FusedMultiplyAdd(even, Vector512.LoadAligned(x), sum));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float sum, float* target, int k) => *target = k == 0 ? sum : *target + sum;

    /// <summary>The sums of the lanes of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        Vector256<float> ab = Avx.HorizontalAdd(a.GetLower() + a.GetUpper(), b.GetLower() + b.GetUpper());
        Vector256<float> cd = Avx.HorizontalAdd(c.GetLower() + c.GetUpper(), d.GetLower() + d.GetUpper());
        Vector256<float> abcd = Avx.HorizontalAdd(ab, cd);
        return abcd.GetLower() + abcd.GetUpper();
    }

    /// <summary>Values rounded to <typeparamref name="T"/>, as singles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Rounded<T>(Vector512<float> values)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            return values;
        }

        if (typeof(T) == typeof(BFloat16))
        {
            return (Singles512.RoundInPlace(values) & Vector512.Create(0xFFFF0000u)).AsSingle();
        }

        Vector256<ushort> halves = Avx512F.ConvertToVector256UInt16(Singles512.Round<T>(values));
        return Singles512.Load((Half*)&halves);
    }

    /// <summary>
    /// Brings x, [batch, columns], into the order that the kernel reads: tile after tile of columns, within a tile row after row (rows far apart would
    /// share the same few cache sets), of each 32 elements the 16 even ones first. The destination is aligned to 64 bytes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Prepare(float* x, int batch, int columns, int blockSize, float* prepared)
    {
        Vector512<int> even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        Vector512<int> odd = even + Vector512<int>.One;
        int tile = Tile(batch, columns, blockSize);
        for (int k = 0; k < columns; k += tile)
        {
            int length = Math.Min(tile, columns - k);
            for (int m = 0; m < batch; m++)
            {
                float* source = x + ((long)m * columns) + k;
                for (nint i = 0; i < length; i += 32)
                {
                    Vector512<float> a = Vector512.Load(source + i);
                    Vector512<float> b = Vector512.Load(source + i + 16);
                    Avx512F.PermuteVar16x32x2(a, even, b).StoreAligned(prepared);
                    Avx512F.PermuteVar16x32x2(a, odd, b).StoreAligned(prepared + 16);
                    prepared += 32;
                }
            }
        }
    }

    // A single row of x is read along with the weight in one stream, from whichever cache holds it.
    // Tiles begin at blocks.
    private static int Tile(int batch, int columns, int blockSize) =>
        batch == 1 ? columns : Math.Max(TileElements / Math.Min(batch, 8) / blockSize, 1) * blockSize;

    /// <summary>A number of rows that is known when the kernel is compiled.</summary>
    private interface IRowCount
    {
        static abstract int Count { get; }
    }

    private readonly struct One : IRowCount
    {
        public static int Count => 1;
    }

    private readonly struct Two : IRowCount
    {
        public static int Count => 2;
    }

    private readonly struct Four : IRowCount
    {
        public static int Count => 4;
    }

    private readonly struct Eight : IRowCount
    {
        public static int Count => 8;
    }
}
