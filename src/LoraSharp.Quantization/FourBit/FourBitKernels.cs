namespace LoraSharp.Quantization;

/// <summary>The 4-bit kernels of one instruction set. Arguments are validated by the callers.</summary>
internal abstract unsafe class FourBitKernels
{
    /// <summary>Quantises <paramref name="count"/> elements that begin at a block.</summary>
    public abstract void Quantize(void* source, ElementType type, long count, int blockSize, FourBitCodebook book, byte* packed, float* absmax);

    /// <summary>Dequantises elements [first, first + count) into <paramref name="destination"/>; a range may begin and end anywhere.</summary>
    /// <remarks>Streaming says that the destination is too large for the cache, so that writing around it is faster.</remarks>
    public abstract void Dequantize(in FourBitAddresses weight, long first, long count, void* destination, ElementType type, bool streaming);

    /// <summary>Rows [firstRow, endRow) of the weight times all rows of x: y[m, n] = Σ x[m, k] · round(W[n, k]); y is [batch, rows].</summary>
    public abstract void Multiply(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, ElementType weightType, float* x, int batch, float* y);
}

/// <summary>The loops over blocks, compiled for one instruction set.</summary>
internal sealed unsafe class FourBitKernels<TForm> : FourBitKernels
    where TForm : struct, IVectorForm
{
    /// <summary>Elements that a product dequantises at a time; they stay in the first-level cache.</summary>
    private const int Tile = 4096;

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

    public override void Multiply(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, ElementType weightType, float* x, int batch, float* y)
    {
        switch (weightType)
        {
            case ElementType.Float32:
                Multiply<float>(weight, firstRow, endRow, rows, columns, x, batch, y);
                break;
            case ElementType.Float16:
                Multiply<Half>(weight, firstRow, endRow, rows, columns, x, batch, y);
                break;
            default:
                Multiply<BFloat16>(weight, firstRow, endRow, rows, columns, x, batch, y);
                break;
        }
    }

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
        bool finiteCode = IsFinite(weight.Code, 16);
        long end = first + count;
        int blockSize = weight.BlockSize;

        // A block holds at least 64 bytes of any type, so that all blocks are aligned when the first full one is.
        long toBlock = -first & (blockSize - 1);
        streaming &= (((nuint)destination + ((nuint)toBlock * (nuint)sizeof(T))) & 63) == 0;
        while (first < end)
        {
            long block = first / blockSize;
            int length = (int)(Math.Min(end, (block + 1) * blockSize) - first);
            float scale = weight.Scale(block);
            if ((first & 1) != 0)
            {
                *destination++ = Element<T>.FromSingle(weight.Code[ScalarForm.NibbleAt(weight.Packed, first)] * scale);
                first++;
                length--;
            }

            byte* packed = weight.Packed + (first >> 1);
            if (finiteCode && float.IsFinite(scale))
            {
                TForm.DequantizeRun(packed, length, scale, weight.Code, destination, streaming && length == blockSize);
            }
            else
            {
                // NaN has a rounding rule of its own, which vector forms leave out.
                ScalarForm.DequantizeRun(packed, length, scale, weight.Code, destination, streaming: false);
            }

            destination += length;
            first += length;
        }
    }

    private static void Multiply<T>(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, float* x, int batch, float* y)
        where T : unmanaged
    {
        if (TForm.TryMultiply<T>(weight, firstRow, endRow, rows, columns, x, batch, y))
        {
            return;
        }

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

    private static bool IsFinite(float* values, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                return false;
            }
        }

        return true;
    }
}
