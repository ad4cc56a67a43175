namespace LoraSharp.Quantization;

/// <summary>
/// The 4-bit kernels of one instruction set. Arguments are validated by the callers. Ranges are cut here into runs within one block, which is
/// all that a form has to provide.
/// </summary>
internal abstract unsafe class FourBitKernels
{
    /// <summary>
    /// Quantises <paramref name="count"/> elements that begin at a block: each full block is scaled by the reciprocal of its largest magnitude, a
    /// partial last block by a true division (its stored scale is at least 1e-38), as the reference does.
    /// </summary>
    public void Quantize(void* source, ElementType type, long count, int blockSize, FourBitCodebook book, byte* packed, float* absmax)
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

    /// <summary>Dequantises elements [first, first + count) into <paramref name="destination"/>; a range may begin and end anywhere.</summary>
    public void Dequantize(in FourBitAddresses weight, long first, long count, void* destination, ElementType type)
    {
        switch (type)
        {
            case ElementType.Float32:
                Dequantize(weight, first, count, (float*)destination);
                break;
            case ElementType.Float16:
                Dequantize(weight, first, count, (Half*)destination);
                break;
            default:
                Dequantize(weight, first, count, (BFloat16*)destination);
                break;
        }
    }

    /// <summary>Rows [firstRow, endRow) of the weight times all rows of x: y[m, n] = Σ x[m, k] · round(W[n, k]); y is [batch, rows].</summary>
    public abstract void Multiply(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, ElementType weightType, float* x, int batch, float* y);

    protected abstract void Quantize<T>(T* source, long count, int blockSize, FourBitCodebook book, byte* packed, float* absmax)
        where T : unmanaged;

    protected abstract void Dequantize<T>(in FourBitAddresses weight, long first, long count, T* destination)
        where T : unmanaged;
}
