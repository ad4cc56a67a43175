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

    /// <summary>Widens elements exactly.</summary>
    public abstract void Widen(void* source, ElementType type, int count, float* destination);

    /// <summary>Adds a bias of <paramref name="columns"/> elements (or none, null) to each row of sums, and rounds.</summary>
    public abstract void AddBias(float* sums, void* bias, ElementType type, int rows, int columns, void* destination);
}

/// <summary>The loops over blocks, compiled for one instruction set.</summary>
internal sealed unsafe class FourBitKernels<TForm, TLanes> : FourBitKernels
    where TForm : struct, IVectorForm
    where TLanes : struct, ILanes<TLanes>
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

    public override void Widen(void* source, ElementType type, int count, float* destination)
    {
        switch (type)
        {
            case ElementType.Float32:
                Widen((float*)source, count, destination);
                break;
            case ElementType.Float16:
                Widen((Half*)source, count, destination);
                break;
            default:
                Widen((BFloat16*)source, count, destination);
                break;
        }
    }

    public override void AddBias(float* sums, void* bias, ElementType type, int rows, int columns, void* destination)
    {
        switch (type)
        {
            case ElementType.Float32:
                AddBias(sums, (float*)bias, rows, columns, (float*)destination);
                break;
            case ElementType.Float16:
                AddBias(sums, (Half*)bias, rows, columns, (Half*)destination);
                break;
            default:
                AddBias(sums, (BFloat16*)bias, rows, columns, (BFloat16*)destination);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widen<T>(T* source, int count, float* destination)
        where T : unmanaged
    {
        int i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Load(source + i).Store(destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = Element<T>.ToSingle(source[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddBias<T>(float* sums, T* bias, int rows, int columns, T* destination)
        where T : unmanaged
    {
        for (int row = 0; row < rows; row++, sums += columns, destination += columns)
        {
            int i = 0;
            for (; i <= columns - TLanes.Count; i += TLanes.Count)
            {
                TLanes sum = TLanes.Load(sums + i);
                (bias == null ? sum : sum + TLanes.Load(bias + i)).Store(destination + i);
            }

            for (; i < columns; i++)
            {
                destination[i] = Element<T>.FromSingle(bias == null ? sums[i] : sums[i] + Element<T>.ToSingle(bias[i]));
            }
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
        bool done = false;
        if (typeof(TForm) == typeof(Avx512Form))
        {
            done = (typeof(T) != typeof(float) && TryFused<T, IntegerStep<WordLookup>>(weight, rows, columns, x, batch, y, maxThreads))
                || TryFused<T, SingleStep>(weight, rows, columns, x, batch, y, maxThreads);
        }
        else if (typeof(TForm) == typeof(Avx2Form) && typeof(T) != typeof(float))
        {
            done = TryFused<T, IntegerStep<ByteLookup>>(weight, rows, columns, x, batch, y, maxThreads);
        }

        if (!done)
        {
            ParallelRanges.Run(rows, Grain(columns), maxThreads, (start, end) => MultiplyByTiles<T>(weight, (int)start, (int)end, rows, columns, x, batch, y));
        }
    }

    private static int Grain(int columns) => Math.Max(1, ProductGrain / columns);

    /// <summary>The product from the codes; false, with nothing written, where the weight's shape or the values of x ask for another way.</summary>
    private static bool TryFused<T, TStep>(FourBitAddresses weight, int rows, int columns, float* x, int batch, float* y, int maxThreads)
        where T : unmanaged
        where TStep : struct, IProductStep
    {
        if (!FusedProduct<TStep>.Fits(weight, columns))
        {
            return false;
        }

        byte* prepared = (byte*)NativeMemory.AlignedAlloc(FusedProduct<TStep>.PreparedBytes(batch, columns), 64);
        try
        {
            if (!FusedProduct<TStep>.TryPrepare(weight, x, batch, columns, prepared))
            {
                return false;
            }

            long blocksPerRow = columns / weight.BlockSize;
            ParallelRanges.Run(rows, Grain(columns), maxThreads, (start, end) =>
            {
                if (FourBitScales.AreFinite<TForm>(weight, start * blocksPerRow, end * blocksPerRow))
                {
                    FusedProduct<TStep>.Multiply(weight, (int)start, (int)end, rows, columns, prepared, batch, y);
                }
                else
                {
                    MultiplyByTiles<T>(weight, (int)start, (int)end, rows, columns, x, batch, y);
                }
            });
            return true;
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
