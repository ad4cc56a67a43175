using System.Buffers;

namespace LoraSharp.Quantization;

/// <summary>
/// 4-bit blockwise quantisation on the CPU, bit for bit that of bitsandbytes (its exact form). Element types are <see cref="float"/>,
/// <see cref="Half"/> and <see cref="BFloat16"/>; <c>maxThreads</c> 0 means all processors.
/// </summary>
public static unsafe class FourBit
{
    /// <summary>The fewest elements of a rectangle that are worth another thread.</summary>
    private const int RectangleGrain = 32768;

    /// <summary>Quantises a tensor.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="source">The elements in row-major order. A block that holds NaN dequantises to NaN.</param>
    /// <param name="type">NF4 or FP4.</param>
    /// <param name="blockSize">Elements that share one scale; a power of two from 32 to 4096.</param>
    /// <param name="doubleQuantization">Whether the scales are quantised to 8 bits as well.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <returns>The quantised tensor, in memory of its own.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The type or the block size is not one of those above.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is another type.</exception>
    public static FourBitTensor Quantize<T>(ReadOnlySpan<T> source, FourBitType type = FourBitType.Nf4, int blockSize = 64, bool doubleQuantization = false, int maxThreads = 0)
        where T : unmanaged
    {
        FourBitLayout.RequireBlockSize(blockSize);
        Memory<byte> packed = PinnedMemory.Allocate<byte>(FourBitLayout.PackedLength(source.Length));
        Memory<float> absmax = PinnedMemory.Allocate<float>(FourBitLayout.BlockCount(source.Length, blockSize));
        Quantize(source, type, blockSize, packed.Span, absmax.Span, maxThreads);
        var tensor = new FourBitTensor(type, blockSize, source.Length, packed, absmax);
        return doubleQuantization ? tensor.CompressStatistics() : tensor;
    }

    /// <summary>
    /// Quantises into given memory. A tensor that is longer than a span can be quantised in pieces that begin at a multiple of the block size;
    /// only the last piece may end within a block.
    /// </summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="source">The elements in row-major order.</param>
    /// <param name="type">NF4 or FP4.</param>
    /// <param name="blockSize">Elements that share one scale; a power of two from 32 to 4096.</param>
    /// <param name="packed">Receives two codes a byte: (length + 1) / 2 bytes.</param>
    /// <param name="absmax">Receives ceil(length / blockSize) scales.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A span has the wrong length, or the type or block size is not one of those above.</exception>
    public static void Quantize<T>(ReadOnlySpan<T> source, FourBitType type, int blockSize, Span<byte> packed, Span<float> absmax, int maxThreads = 0)
        where T : unmanaged
    {
        FourBitLayout.RequireBlockSize(blockSize);
        FourBitLayout.RequireLength(packed.Length, FourBitLayout.PackedLength(source.Length), "The span of packed bytes");
        FourBitLayout.RequireLength(absmax.Length, FourBitLayout.BlockCount(source.Length, blockSize), "absmax");
        fixed (T* sourceStart = source)
        fixed (byte* packedStart = packed)
        fixed (float* absmaxStart = absmax)
        {
            new CpuBackend(maxThreads).Quantize(sourceStart, Element<T>.Type, source.Length, type, blockSize, packedStart, absmaxStart);
        }
    }

    /// <summary>Dequantises a range: value of the code × scale in single precision, then rounded once to <typeparamref name="T"/>.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="tensor">The quantised tensor.</param>
    /// <param name="firstElement">The first element of the range, at any place (a row panel of a matrix begins at row × columns).</param>
    /// <param name="destination">Receives as many elements as it has room for.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the tensor.</exception>
    public static void Dequantize<T>(FourBitTensor tensor, long firstElement, Span<T> destination, int maxThreads = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (firstElement < 0 || firstElement > tensor.Count - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(firstElement), firstElement, $"The range of {destination.Length} elements from {firstElement} does not lie within the tensor of {tensor.Count}.");
        }

        using FourBitTensor.PinnedFourBit pinned = tensor.Pin();
        fixed (T* start = destination)
        {
            new CpuBackend(maxThreads).Dequantize(pinned.Addresses, firstElement, destination.Length, start, Element<T>.Type);
        }
    }

    /// <summary>Dequantises a whole tensor.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="tensor">The quantised tensor.</param>
    /// <param name="destination">Receives all elements; its length must be the tensor's.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">The span has another length than the tensor.</exception>
    public static void Dequantize<T>(FourBitTensor tensor, Span<T> destination, int maxThreads = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        FourBitLayout.RequireLength(destination.Length, tensor.Count, "The destination");
        Dequantize(tensor, 0, destination, maxThreads);
    }

    /// <summary>Dequantises a rectangle of a matrix, for instance a panel of its columns.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="tensor">The quantised matrix in row-major order.</param>
    /// <param name="firstElement">The rectangle's first element: row × <paramref name="stride"/> + column.</param>
    /// <param name="stride">Columns of the matrix.</param>
    /// <param name="columns">Columns of the rectangle.</param>
    /// <param name="destination">Receives whole rows of the rectangle, as many as it has room for, one after another.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">The rectangle does not lie within the tensor, or the span does not hold whole rows.</exception>
    public static void Dequantize<T>(FourBitTensor tensor, long firstElement, long stride, int columns, Span<T> destination, int maxThreads = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, columns);
        if (columns == stride)
        {
            Dequantize(tensor, firstElement, destination, maxThreads);
            return;
        }

        long rows = destination.Length / columns;
        FourBitLayout.RequireLength(destination.Length, rows * columns, "The destination (whole rows)");
        if (firstElement < 0 || (rows > 0 && (firstElement % stride > stride - columns || ((rows - 1) * stride) + columns > tensor.Count - firstElement)))
        {
            throw new ArgumentOutOfRangeException(
                nameof(firstElement), firstElement, $"The {rows} x {columns} rectangle from element {firstElement} does not lie within the matrix of {stride} columns and {tensor.Count} elements.");
        }

        using FourBitTensor.PinnedFourBit pinned = tensor.Pin();
        fixed (T* start = destination)
        {
            FourBitAddresses weight = pinned.Addresses;
            T* target = start;
            FourBitKernels kernels = KernelSelection.Current.FourBit;
            ElementType type = Element<T>.Type;
            ParallelRanges.Run(rows, Math.Max(1, RectangleGrain / columns), maxThreads, (from, to) =>
            {
                for (long row = from; row < to; row++)
                {
                    kernels.Dequantize(weight, firstElement + (row * stride), columns, target + (row * columns), type, streaming: false);
                }
            });
        }
    }

    /// <summary>
    /// y = x · Wᵀ + bias for few rows of x (up to about 64; above that, dequantising panels for a dense product is faster). No dequantised copy of
    /// the weight is made.
    /// </summary>
    /// <typeparam name="T">The compute type: <see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>. Dequantised weights are rounded to it or kept more exactly, sums are single precision or exact, and the sum with the bias is rounded to it once.</typeparam>
    /// <param name="weight">The weight, [rows, columns] in row-major order; columns need not be a multiple of the block size.</param>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features; rows × columns must be the tensor's count.</param>
    /// <param name="x">[batch, columns]; its length sets the batch.</param>
    /// <param name="bias">[rows], or empty.</param>
    /// <param name="y">Receives [batch, rows].</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public static void Multiply<T>(FourBitTensor weight, int rows, int columns, ReadOnlySpan<T> x, ReadOnlySpan<T> bias, Span<T> y, int maxThreads = 0)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        FourBitLayout.RequireLength(weight.Count, (long)rows * columns, "The weight (rows × columns)");
        int batch = x.Length / columns;
        FourBitLayout.RequireLength(x.Length, (long)batch * columns, "x (batch × columns)");
        FourBitLayout.RequireLength(y.Length, (long)batch * rows, "y (batch × rows)");
        FourBitLayout.RequireLength(bias.Length, bias.IsEmpty ? 0 : rows, "bias");
        ArgumentOutOfRangeException.ThrowIfNegative(maxThreads);
        FourBitKernels kernels = KernelSelection.Current.FourBit;
        ElementType type = Element<T>.Type;
        using FourBitTensor.PinnedFourBit pinned = weight.Pin();
        float[] scratch = ArrayPool<float>.Shared.Rent(x.Length + y.Length);
        try
        {
            fixed (float* wideX = scratch)
            fixed (T* px = x, py = y, pb = bias)
            {
                float* wideY = wideX + x.Length;
                kernels.Widen(px, type, x.Length, wideX);
                kernels.Multiply(pinned.Addresses, rows, columns, type, wideX, batch, wideY, maxThreads);
                kernels.AddBias(wideY, pb, type, batch, rows, py);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(scratch);
        }
    }
}
