using System.Runtime.CompilerServices;

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

    /// <summary>Quantises one block, which is full or the partial last one, and gives its scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float QuantizeBlock<T>(T* source, int length, int blockSize, DynamicMap map, byte* codes)
        where T : unmanaged
    {
        ThresholdSearch search = map.Search;
        var scale = new BlockScale(TForm.MagnitudeBits(source, length), full: length == blockSize);
        if (search.IsDirect && float.IsFinite(scale.Stored))
        {
            TForm.QuantizeBytes(source, length, scale.Factor, scale.Divide, search, codes);
            return scale.Stored;
        }

        for (int i = 0; i < length; i++)
        {
            float x = Element<T>.ToSingle(source[i]);
            codes[i] = (byte)search.CountByHalves(scale.Divide ? x / scale.Factor : x * scale.Factor);
        }

        return scale.Stored;
    }

    /// <summary>Dequantises elements of one block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DequantizeBlock<T>(byte* codes, DynamicMap map, int length, float scale, T* destination)
        where T : unmanaged
    {
        fixed (float* values = map.ValueArray)
        {
            for (nint i = 0; i < length; i++)
            {
                destination[i] = Element<T>.FromSingle(values[codes[i]] * scale);
            }
        }
    }

    private static void Quantize<T>(T* source, long count, int blockSize, DynamicMap map, byte* codes, float* absmax)
        where T : unmanaged
    {
        for (long start = 0; start < count; start += blockSize)
        {
            *absmax++ = QuantizeBlock(source + start, (int)Math.Min(blockSize, count - start), blockSize, map, codes + start);
        }
    }

    private static void Dequantize<T>(byte* codes, DynamicMap map, long count, int blockSize, float* absmax, T* destination)
        where T : unmanaged
    {
        for (long start = 0; start < count; start += blockSize)
        {
            DequantizeBlock(codes + start, map, (int)Math.Min(blockSize, count - start), *absmax++, destination + start);
        }
    }
}
