namespace LoraSharp.Quantization;

/// <summary>
/// 8-bit blockwise quantisation over a <see cref="DynamicMap"/> (bitsandbytes' quantize_blockwise and dequantize_blockwise, its exact form):
/// each block is scaled by its largest magnitude, and each value takes the code of the nearest map value, a tie the lower one.
/// </summary>
public static unsafe class Blockwise8Bit
{
    /// <summary>The number of blocks (scales) of a tensor.</summary>
    /// <param name="count">Elements of the tensor.</param>
    /// <param name="blockSize">Elements of a block; a power of two from 32 to 4096.</param>
    /// <returns>ceil(count / blockSize).</returns>
    public static int BlockCount(int count, int blockSize)
    {
        FourBitLayout.RequireBlockSize(blockSize);
        return FourBitLayout.BlockCount(count, blockSize);
    }

    /// <summary>Quantises. A block with NaN gets a NaN scale and codes 0, so that it dequantises to NaN.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="source">The values.</param>
    /// <param name="map">The signed or unsigned map, or that of a file.</param>
    /// <param name="blockSize">Elements that share one scale; a power of two from 32 to 4096.</param>
    /// <param name="codes">Receives one code a value.</param>
    /// <param name="absmax">Receives one scale a block; of a partial last block at least 1e-38.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A span has the wrong length.</exception>
    public static void Quantize<T>(ReadOnlySpan<T> source, DynamicMap map, int blockSize, Span<byte> codes, Span<float> absmax, int maxThreads = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(map);
        ElementType type = Element<T>.Type;
        RequireLengths(source.Length, blockSize, codes.Length, absmax.Length);
        fixed (T* sourceStart = source)
        fixed (byte* codesStart = codes)
        fixed (float* absmaxStart = absmax)
        {
            T* x = sourceStart;
            byte* q = codesStart;
            float* scales = absmaxStart;
            BlockwiseKernels kernels = KernelSelection.Current.Blockwise;
            int count = source.Length;
            ParallelRanges.Run(count, Math.Max(blockSize, 16384), maxThreads, (start, end) =>
                kernels.Quantize(x + start, type, end - start, blockSize, map, q + start, scales + (start / blockSize)));
        }
    }

    /// <summary>Dequantises: map value × scale in single precision, then rounded to <typeparamref name="T"/>.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="codes">One code a value.</param>
    /// <param name="map">The map that the codes were made with.</param>
    /// <param name="blockSize">Elements that share one scale; a power of two from 32 to 4096.</param>
    /// <param name="absmax">One scale a block.</param>
    /// <param name="destination">Receives the values.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A span has the wrong length.</exception>
    public static void Dequantize<T>(ReadOnlySpan<byte> codes, DynamicMap map, int blockSize, ReadOnlySpan<float> absmax, Span<T> destination, int maxThreads = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(map);
        ElementType type = Element<T>.Type;
        RequireLengths(destination.Length, blockSize, codes.Length, absmax.Length);
        fixed (byte* codesStart = codes)
        fixed (float* absmaxStart = absmax)
        fixed (T* destinationStart = destination)
        {
            byte* q = codesStart;
            float* scales = absmaxStart;
            T* y = destinationStart;
            BlockwiseKernels kernels = KernelSelection.Current.Blockwise;
            int count = destination.Length;
            ParallelRanges.Run(count, Math.Max(blockSize, 16384), maxThreads, (start, end) =>
                kernels.Dequantize(q + start, map, end - start, blockSize, scales + (start / blockSize), y + start, type));
        }
    }

    private static void RequireLengths(int count, int blockSize, int codes, int absmax)
    {
        FourBitLayout.RequireBlockSize(blockSize);
        FourBitLayout.RequireLength(codes, count, "The span of codes");
        FourBitLayout.RequireLength(absmax, FourBitLayout.BlockCount(count, blockSize), "absmax");
    }
}
