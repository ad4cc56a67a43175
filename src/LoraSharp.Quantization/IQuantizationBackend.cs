namespace LoraSharp.Quantization;

/// <summary>
/// The kernels of one device. All addresses lie in that device's memory, and lengths have been validated by the caller; the CPU's
/// implementation is <see cref="CpuBackend"/>. Results have the same bits on every device, products aside, whose order of summation is free.
/// </summary>
public unsafe interface IQuantizationBackend
{
    /// <summary>The device's name, for messages.</summary>
    string Name { get; }

    /// <summary>Quantises elements that begin at a block; only the last block may be partial.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="sourceType">Their type.</param>
    /// <param name="count">Their number.</param>
    /// <param name="type">NF4 or FP4.</param>
    /// <param name="blockSize">Elements that share one scale; a power of two from 32 to 4096.</param>
    /// <param name="packed">Receives (count + 1) / 2 bytes.</param>
    /// <param name="absmax">Receives ceil(count / blockSize) scales.</param>
    void Quantize(void* source, ElementType sourceType, long count, FourBitType type, int blockSize, byte* packed, float* absmax);

    /// <summary>Dequantises elements [first, first + count).</summary>
    /// <param name="weight">The quantised tensor.</param>
    /// <param name="first">The first element, at any place.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="destination">Receives them.</param>
    /// <param name="destinationType">The type to round to.</param>
    void Dequantize(in FourBitAddresses weight, long first, long count, void* destination, ElementType destinationType);

    /// <summary>y = x · Wᵀ for few rows of x, without a dequantised copy of the weight.</summary>
    /// <param name="weight">The quantised weight, [rows, columns] in row-major order; columns need not be a multiple of the block size.</param>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features.</param>
    /// <param name="weightType">The type of the product: dequantised weights and x may be rounded by as much as this type rounds, or less; sums are single precision or exact.</param>
    /// <param name="x">[batch, columns].</param>
    /// <param name="batch">Rows of x.</param>
    /// <param name="y">Receives [batch, rows].</param>
    void Multiply(in FourBitAddresses weight, int rows, int columns, ElementType weightType, float* x, int batch, float* y);
}
