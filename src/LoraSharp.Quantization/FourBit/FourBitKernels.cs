using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LoraSharp.Quantization;

/// <summary>The 4-bit kernels of one instruction set. Arguments are validated by the callers.</summary>
internal abstract unsafe class FourBitKernels
{
    /// <summary>Quantises <paramref name="count"/> elements that begin at a block.</summary>
    public abstract void Quantize(void* source, ElementType type, long count, int blockSize, FourBitCodebook book, byte* packed, float* absmax);

    /// <summary>Dequantises elements [first, first + count) into <paramref name="destination"/>; a range may begin and end anywhere.</summary>
    /// <remarks>Streaming says that the destination is too large for the cache, so that writing around it is faster.</remarks>
    public abstract void Dequantize(in FourBitAddresses weight, long first, long count, void* destination, ElementType type, bool streaming);

    /// <summary>y[m, n] = Σ x[m, k] · round(W[n, k]); x is [batch, columns], y is [batch, rows].</summary>
    public abstract void Multiply(in FourBitAddresses weight, int rows, int columns, ElementType weightType, float* x, int batch, float* y, int maxThreads);
}

/// <summary>The loops over blocks, compiled for one instruction set.</summary>
internal sealed unsafe class FourBitKernels<TForm> : FourBitKernels
    where TForm : struct, IVectorForm
{
    /// <summary>Elements that a product dequantises at a time; they stay in the first-level cache.</summary>
    private const int Tile = 4096;

    /// <summary>The fewest elements of a weight that are worth another thread.</summary>
    private const int ProductGrain = 32768;

    public override void Quantize(void* source, ElementType type, long count, int blockSize, FourBitCodebook book, byte* packed, float* absmax)
    {
        switch (type)
        {
            case ElementType.Float32:
                Quantize((float*)source, count, blockSize, book, packed, absmax);
                break;
            case ElementType.Float16:
                Quantize((Half*)source, count, blockSize, book, packed, absmax);
                break;
            default:
                Quantize((BFloat16*)source, count, blockSize, book, packed, absmax);
                break;
        }
    }

    public override void Dequantize(in FourBitAddresses weight, long first, long count, void* destination, ElementType type, bool streaming)
    {
        switch (type)
        {
            case ElementType.Float32:
                Dequantize(weight, first, count, (float*)destination, streaming);
                break;
            case ElementType.Float16:
                Dequantize(weight, first, count, (Half*)destination, streaming);
                break;
            default:
                Dequantize(weight, first, count, (BFloat16*)destination, streaming);
                break;
        }
    }

    public override void Multiply(in FourBitAddresses weight, int rows, int columns, ElementType weightType, float* x, int batch, float* y, int maxThreads)
    {
        switch (weightType)
        {
            case ElementType.Float32:
                Multiply<float>(weight, rows, columns, x, batch, y, maxThreads);
                break;
            case ElementType.Float16:
                Multiply<Half>(weight, rows, columns, x, batch, y, maxThreads);
                break;
            default:
                Multiply<BFloat16>(weight, rows, columns, x, batch, y, maxThreads);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Quantize<T>(T* source, long count, int blockSize, FourBitCodebook book, byte* packed, float* absmax)
        where T : unmanaged
    {
        for (long start = 0; start < count; start += blockSize)
        {
            int length = (int)Math.Min(blockSize, count - start);
            var scale = new BlockScale(TForm.MagnitudeBits(source + start, length), full: length == blockSize);
            *absmax++ = scale.Stored;
            TForm.QuantizeRun(source + start, length, scale.Factor, scale.Divide, book, packed + (start / 2));
        }
    }

    private static void Dequantize<T>(in FourBitAddresses weight, long first, long count, T* destination, bool streaming)
        where T : unmanaged
    {
        long end = first + count;
        int blockSize = weight.BlockSize;
        int blockShift = BitOperations.Log2((uint)blockSize);
        bool finite = FourBitScales.AreFinite<TForm>(weight, first >> blockShift, (end + blockSize - 1) >> blockShift);

        // A block holds at least 64 bytes of any type, so that all blocks are aligned when the first full one is.
        long toBlock = -first & (blockSize - 1);
        streaming &= (((nuint)destination + ((nuint)toBlock * (nuint)sizeof(T))) & 63) == 0;
        while (first < end)
        {
            if (finite && (first & (blockSize - 1)) == 0 && end - first >= blockSize)
            {
                long blocks = (end - first) >> blockShift;
                DequantizeBlocks(weight, first >> blockShift, blocks, destination, streaming);
                first += blocks << blockShift;
                destination += blocks << blockShift;
                continue;
            }

            long block = first >> blockShift;
            int length = (int)(Math.Min(end, (block + 1) << blockShift) - first);
            DequantizePart(weight, first, length, weight.Scale(block), finite, destination);
            first += length;
            destination += length;
        }
    }

    /// <summary>Whole blocks with finite scales.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DequantizeBlocks<T>(in FourBitAddresses weight, long first, long count, T* destination, bool streaming)
        where T : unmanaged
    {
        FourBitAddresses w = weight;
        int blockSize = w.BlockSize;
        byte* packed = w.Packed + (first * (blockSize >> 1));
        for (long block = first; block < first + count; block++)
        {
            TForm.DequantizeRun(packed, blockSize, w.Scale(block), w.Code, destination, streaming);
            packed += blockSize >> 1;
            destination += blockSize;
        }
    }

    /// <summary>Elements [first, first + count) of one block.</summary>
    private static void DequantizePart<T>(in FourBitAddresses weight, long first, int count, float scale, bool finite, T* destination)
        where T : unmanaged
    {
        if ((first & 1) != 0)
        {
            *destination++ = Element<T>.FromSingle(weight.Code[ScalarForm.NibbleAt(weight.Packed, first)] * scale);
            first++;
            count--;
        }

        byte* packed = weight.Packed + (first >> 1);
        if (finite)
        {
            TForm.DequantizeRun(packed, count, scale, weight.Code, destination, streaming: false);
        }
        else
        {
            ScalarForm.DequantizeRun(packed, count, scale, weight.Code, destination, streaming: false);
        }
    }

    private static void Multiply<T>(FourBitAddresses weight, int rows, int columns, float* x, int batch, float* y, int maxThreads)
        where T : unmanaged
    {
        int grain = Math.Max(1, ProductGrain / columns);
        if (typeof(TForm) != typeof(Avx512Form) || columns % weight.BlockSize != 0)
        {
            ParallelRanges.Run(rows, grain, maxThreads, (start, end) => MultiplyByTiles<T>(weight, (int)start, (int)end, rows, columns, x, batch, y));
            return;
        }

        long blocksPerRow = columns / weight.BlockSize;
        float* prepared = (float*)NativeMemory.AlignedAlloc((nuint)batch * (nuint)columns * sizeof(float), 64);
        try
        {
            FusedProduct512.Prepare(x, batch, columns, weight.BlockSize, prepared);
            ParallelRanges.Run(rows, grain, maxThreads, (start, end) =>
            {
                if (FourBitScales.AreFinite<TForm>(weight, start * blocksPerRow, end * blocksPerRow))
                {
                    FusedProduct512.Multiply<T>(weight, (int)start, (int)end, rows, columns, prepared, batch, y);
                }
                else
                {
                    MultiplyByTiles<T>(weight, (int)start, (int)end, rows, columns, x, batch, y);
                }
            });
        }
        finally
        {
            NativeMemory.AlignedFree(prepared);
        }
    }

    /// <summary>Rows [firstRow, endRow) of the weight, of any shape: dequantised into a tile that stays in the first-level cache.</summary>
    private static void MultiplyByTiles<T>(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, float* x, int batch, float* y)
        where T : unmanaged
    {
        T* tile = stackalloc T[Tile];
        for (int n = firstRow; n < endRow; n++)
        {
            for (int k = 0; k < columns; k += Tile)
            {
                int length = Math.Min(Tile, columns - k);
                Dequantize(weight, ((long)n * columns) + k, length, tile, streaming: false);
                for (int m = 0; m < batch; m++)
                {
                    float sum = TForm.Dot(tile, x + ((long)m * columns) + k, length);
                    float* target = y + ((long)m * rows) + n;
                    *target = k == 0 ? sum : *target + sum;
                }
            }
        }
    }
}
