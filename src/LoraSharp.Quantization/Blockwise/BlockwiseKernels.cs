namespace LoraSharp.Quantization;

/// <summary>The 8-bit blockwise kernels of one instruction set. Arguments are validated by the callers.</summary>
internal abstract unsafe class BlockwiseKernels
{
    /// <summary>Quantises <paramref name="count"/> elements that begin at a block; full and partial blocks as in <see cref="FourBitKernels"/>.</summary>
    public void Quantize(void* source, ElementType type, long count, int blockSize, DynamicMap map, byte* codes, float* absmax)
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

    /// <summary>Dequantises <paramref name="count"/> elements that begin at a block.</summary>
    public void Dequantize(byte* codes, DynamicMap map, long count, int blockSize, float* absmax, void* destination, ElementType type)
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

    protected abstract void Quantize<T>(T* source, long count, int blockSize, DynamicMap map, byte* codes, float* absmax)
        where T : unmanaged;

    protected abstract void Dequantize<T>(byte* codes, DynamicMap map, long count, int blockSize, float* absmax, T* destination)
        where T : unmanaged;
}
