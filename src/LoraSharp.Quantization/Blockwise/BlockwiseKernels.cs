namespace LoraSharp.Quantization;

/// <summary>The 8-bit blockwise kernels of one instruction set. Arguments are validated by the callers.</summary>
internal abstract unsafe class BlockwiseKernels
{
    /// <summary>Quantises <paramref name="count"/> elements that begin at a block.</summary>
    public abstract void Quantize(void* source, ElementType type, long count, int blockSize, DynamicMap map, byte* codes, float* absmax);

    /// <summary>Dequantises <paramref name="count"/> elements that begin at a block.</summary>
    public abstract void Dequantize(byte* codes, DynamicMap map, long count, int blockSize, float* absmax, void* destination, ElementType type);
}

/// <summary>The loops over blocks, compiled for one instruction set.</summary>
internal sealed unsafe class BlockwiseKernels<TForm> : BlockwiseKernels
    where TForm : struct, IVectorForm
{
    public override void Quantize(void* source, ElementType type, long count, int blockSize, DynamicMap map, byte* codes, float* absmax)
    {
        switch (type)
        {
            case ElementType.Float32:
                Quantize((float*)source, count, blockSize, map, codes, absmax);
                break;
            case ElementType.Float16:
                Quantize((Half*)source, count, blockSize, map, codes, absmax);
                break;
            default:
                Quantize((BFloat16*)source, count, blockSize, map, codes, absmax);
                break;
        }
    }

    public override void Dequantize(byte* codes, DynamicMap map, long count, int blockSize, float* absmax, void* destination, ElementType type)
    {
        switch (type)
        {
            case ElementType.Float32:
                Dequantize(codes, map, count, blockSize, absmax, (float*)destination);
                break;
            case ElementType.Float16:
                Dequantize(codes, map, count, blockSize, absmax, (Half*)destination);
                break;
            default:
                Dequantize(codes, map, count, blockSize, absmax, (BFloat16*)destination);
                break;
        }
    }

    private static void Quantize<T>(T* source, long count, int blockSize, DynamicMap map, byte* codes, float* absmax)
        where T : unmanaged
    {
        ThresholdSearch search = map.Search;
        for (long start = 0; start < count; start += blockSize)
        {
            int length = (int)Math.Min(blockSize, count - start);
            var scale = new BlockScale(TForm.MagnitudeBits(source + start, length), full: length == blockSize);
            *absmax++ = scale.Stored;
            for (int i = 0; i < length; i++)
            {
                float x = Element<T>.ToSingle(source[start + i]);
                codes[start + i] = (byte)search.Count(scale.Divide ? x / scale.Factor : x * scale.Factor);
            }
        }
    }

    private static void Dequantize<T>(byte* codes, DynamicMap map, long count, int blockSize, float* absmax, T* destination)
        where T : unmanaged
    {
        ReadOnlySpan<float> values = map.Values.Span;
        for (long start = 0; start < count; start += blockSize)
        {
            float scale = *absmax++;
            long end = Math.Min(count, start + blockSize);
            for (long i = start; i < end; i++)
            {
                destination[i] = Element<T>.FromSingle(values[codes[i]] * scale);
            }
        }
    }
}
