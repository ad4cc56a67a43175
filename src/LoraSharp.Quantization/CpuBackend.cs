namespace LoraSharp.Quantization;

/// <summary>The kernels on the CPU, in the form that <see cref="KernelSelection"/> chose.</summary>
/// <param name="maxThreads">Threads to use; 0 means all processors.</param>
public sealed unsafe class CpuBackend(int maxThreads = 0) : IQuantizationBackend
{
    /// <summary>The fewest elements that are worth another thread.</summary>
    private const int Grain = 32768;

    /// <summary>Results from this size on are written around the cache, where they would push out more than they leave behind.</summary>
    private const long StreamingBytes = 16L << 20;

    private readonly int _maxThreads = maxThreads >= 0
        ? maxThreads
        : throw new ArgumentOutOfRangeException(nameof(maxThreads), maxThreads, "The number of threads must be positive, or 0 for all processors.");

    /// <inheritdoc/>
    public string Name => $"CPU ({KernelSelection.InstructionSet})";

    /// <inheritdoc/>
    public void Quantize(void* source, ElementType sourceType, long count, FourBitType type, int blockSize, byte* packed, float* absmax)
    {
        FourBitLayout.RequireBlockSize(blockSize);
        FourBitCodebook book = FourBitCodebook.Of(type);
        FourBitKernels kernels = KernelSelection.Current.FourBit;
        int size = sourceType.Size();
        ParallelRanges.Run(count, Grain, _maxThreads, (start, end) =>
            kernels.Quantize((byte*)source + (start * size), sourceType, end - start, blockSize, book, packed + (start / 2), absmax + (start / blockSize)));
    }

    /// <inheritdoc/>
    public void Dequantize(in FourBitAddresses weight, long first, long count, void* destination, ElementType destinationType)
    {
        FourBitAddresses addresses = weight;
        FourBitKernels kernels = KernelSelection.Current.FourBit;
        int size = destinationType.Size();
        bool streaming = count * size >= StreamingBytes;
        ParallelRanges.Run(count, Grain, _maxThreads, (start, end) =>
            kernels.Dequantize(addresses, first + start, end - start, (byte*)destination + (start * size), destinationType, streaming));
    }

    /// <inheritdoc/>
    public void Multiply(in FourBitAddresses weight, int rows, int columns, ElementType weightType, float* x, int batch, float* y)
    {
        KernelSelection.Current.FourBit.Multiply(weight, rows, columns, weightType, x, batch, y, _maxThreads);
    }
}
