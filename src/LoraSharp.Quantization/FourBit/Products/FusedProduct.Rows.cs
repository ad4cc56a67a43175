using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>The loops over rows and blocks, compiled for each number of rows of x, each size of blocks and both kinds of scales.</summary>
internal static unsafe partial class FusedProduct<TStep>
{
    /// <summary>With several rows of x the processor's own prefetching does not keep up with the weight.</summary>
    private const int PrefetchBytes = 1024;

    /// <summary>A number that is known when the kernel is compiled.</summary>
    private interface INumber
    {
        static abstract int Value { get; }
    }

    private static void Rows<TCount>(in FourBitAddresses weight, in Part part, byte* x, float* y)
        where TCount : struct, INumber
    {
        if (weight.AbsmaxCodes == null)
        {
            Rows<TCount, Zero>(weight, part, x, y);
        }
        else
        {
            Rows<TCount, One>(weight, part, x, y);
        }
    }

    private static void Rows<TCount, TNested>(in FourBitAddresses weight, in Part part, byte* x, float* y)
        where TCount : struct, INumber
        where TNested : struct, INumber
    {
        switch (weight.BlockSize)
        {
            case 32:
                Rows<TCount, TNested, Zero>(weight, part, x, y);
                break;
            case 64:
                Rows<TCount, TNested, One>(weight, part, x, y);
                break;
            default:
                Rows<TCount, TNested, Two>(weight, part, x, y);
                break;
        }
    }

    /// <summary>
    /// <typeparamref name="TCount"/> rows of x. Scales are plain where <typeparamref name="TNested"/> is 0. <typeparamref name="TBlock"/> is the number of steps a block:
    /// 0 for half a step, 1, or 2 for several.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<TCount, TNested, TBlock>(in FourBitAddresses weight, in Part part, byte* x, float* y)
        where TCount : struct, INumber
        where TNested : struct, INumber
        where TBlock : struct, INumber
    {
        FourBitAddresses w = weight;
        TStep.Tables(w.Code, out Vector256<byte> firstTable, out Vector256<byte> secondTable);

        // Copies, because what was passed by reference does not stay in a register.
        Vector256<byte> first = firstTable, second = secondTable;
        float* restored = stackalloc float[DynamicMap.Size];
        long restoredBlock = -1;
        int blockSize = w.BlockSize, rows = part.Rows, column = part.FirstColumn, steps = blockSize / StepElements;
        long blocks = part.Length / blockSize, blocksPerRow = part.Columns / blockSize;
        long firstBlock = (part.FirstRow * blocksPerRow) + (column / blockSize);
        nint stride = part.Length / StepElements * TStep.Bytes;
        for (int n = part.FirstRow; n < part.EndRow; n++, firstBlock += blocksPerRow)
        {
            byte* packed = w.Packed + (firstBlock * (blockSize / 2));
            byte* xi = x;
            long block = firstBlock, end = block + blocks;
            Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
            while (block < end)
            {
                long until = end;
                if (TNested.Value != 0)
                {
                    long nested = block >> w.NestedBlockShift;
                    until = Math.Min(end, (nested + 1) << w.NestedBlockShift);
                    if (nested != restoredBlock)
                    {
                        Restore(w, nested, restored);
                        restoredBlock = nested;
                    }
                }

                while (block < until)
                {
                    Vector256<float> scale;
                    if (TBlock.Value == 0)
                    {
                        scale = Vector256.Create(Vector128.Create(Scale<TNested>(w, restored, block)), Vector128.Create(Scale<TNested>(w, restored, block + 1)));
                        block += 2;
                    }
                    else
                    {
                        scale = Vector256.Create(Scale<TNested>(w, restored, block));
                        block++;
                    }

                    int step = 0;
                    do
                    {
                        if (TCount.Value > 1)
                        {
                            Sse.Prefetch0(packed + PrefetchBytes);
                        }

                        TStep.Look(
                            Vector256.Load(packed), first, second, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3,
                            out Vector256<float> w4, out Vector256<float> w5, out Vector256<float> w6, out Vector256<float> w7);
                        s0 = Fma.MultiplyAdd(TStep.Dot(xi, w0, w1, w2, w3, w4, w5, w6, w7), scale, s0);
                        if (TCount.Value > 1)
                        {
                            s1 = Fma.MultiplyAdd(TStep.Dot(xi + stride, w0, w1, w2, w3, w4, w5, w6, w7), scale, s1);
                        }

                        if (TCount.Value > 2)
                        {
                            s2 = Fma.MultiplyAdd(TStep.Dot(xi + (2 * stride), w0, w1, w2, w3, w4, w5, w6, w7), scale, s2);
                            s3 = Fma.MultiplyAdd(TStep.Dot(xi + (3 * stride), w0, w1, w2, w3, w4, w5, w6, w7), scale, s3);
                        }

                        packed += StepElements / 2;
                        xi += TStep.Bytes;
                        step++;
                    }
                    while (TBlock.Value == 2 && step < steps);
                }
            }

            float* target = y + n;
            Put(s0, target, column);
            if (TCount.Value > 1)
            {
                Put(s1, target + rows, column);
            }

            if (TCount.Value > 2)
            {
                Put(s2, target + (2 * (long)rows), column);
                Put(s3, target + (3 * (long)rows), column);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scale<TNested>(in FourBitAddresses w, float* restored, long block)
        where TNested : struct, INumber => TNested.Value == 0 ? w.Absmax[block] : restored[w.AbsmaxCodes[block]];

    /// <summary>The scale of each 8-bit code in a nested block, with two roundings.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Restore(in FourBitAddresses w, long nested, float* restored)
    {
        Vector256<float> factor = Vector256.Create(w.NestedAbsmax[nested]), offset = Vector256.Create(w.NestedOffset);
        for (int i = 0; i < DynamicMap.Size; i += 8)
        {
            ((Vector256.Load(w.NestedCode + i) * factor) + offset).Store(restored + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<float> sums, float* target, int column) => *target = column == 0 ? Vector256.Sum(sums) : *target + Vector256.Sum(sums);

    private readonly struct Zero : INumber
    {
        public static int Value => 0;
    }

    private readonly struct One : INumber
    {
        public static int Value => 1;
    }

    private readonly struct Two : INumber
    {
        public static int Value => 2;
    }

    private readonly struct Four : INumber
    {
        public static int Value => 4;
    }
}
