namespace LoraSharp.Quantization;

/// <summary>One element at a time.</summary>
internal sealed unsafe class BlockwiseKernelsScalar : BlockwiseKernels
{
    protected override void Quantize<T>(T* source, long count, int blockSize, DynamicMap map, byte* codes, float* absmax)
    {
        ThresholdSearch search = map.Search;
        for (long start = 0; start < count; start += blockSize)
        {
            int length = (int)Math.Min(blockSize, count - start);
            bool full = length == blockSize;
            (float scale, *absmax++) = FourBitKernelsScalar.Scale(FourBitKernelsScalar.MagnitudeBits(source + start, length), full);
            for (int i = 0; i < length; i++)
            {
                float x = Element<T>.ToSingle(source[start + i]);
                codes[start + i] = (byte)search.Count(full ? x * scale : x / scale);
            }
        }
    }

    protected override void Dequantize<T>(byte* codes, DynamicMap map, long count, int blockSize, float* absmax, T* destination)
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
