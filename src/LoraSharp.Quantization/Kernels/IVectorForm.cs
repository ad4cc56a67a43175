namespace LoraSharp.Quantization;

/// <summary>
/// What an instruction set provides for 4-bit and 8-bit blocks; loops over blocks and tensors are shared. Element types are float, Half and
/// BFloat16. Every method gives the same bits in every form, <see cref="Dot"/> aside.
/// </summary>
internal unsafe interface IVectorForm
{
    /// <summary>The bits of the largest magnitude. As integers, magnitudes order like their values with NaN on top, so NaN wins in every form.</summary>
    static abstract uint MagnitudeBits<T>(T* x, int count)
        where T : unmanaged;

    /// <summary>Quantises elements of one block to packed codes; <paramref name="count"/> may be odd only at the end of the tensor.</summary>
    static abstract void QuantizeRun<T>(T* x, int count, float scale, bool divide, FourBitCodebook book, byte* packed)
        where T : unmanaged;

    /// <summary>
    /// Dequantises elements of one block, from an even element on. The code values and the scale are finite. With <paramref name="streaming"/> the
    /// destination is aligned to 64 bytes and too large for the cache.
    /// </summary>
    static abstract void DequantizeRun<T>(byte* packed, int count, float scale, float* code, T* destination, bool streaming)
        where T : unmanaged;

    /// <summary>Σ w[k] · x[k] in single precision.</summary>
    static abstract float Dot<T>(T* w, float* x, int count)
        where T : unmanaged;

    /// <summary>Exact sums Σ w[k] · x[m, k] over 8-bit integers for four rows of x, <paramref name="stride"/> elements apart; x is never -128.</summary>
    static abstract void DotInt8(sbyte* w, sbyte* x, nint stride, int count, int* sums);

    /// <summary>Codes of finite elements of one block; the table of <paramref name="search"/> decides.</summary>
    static abstract void QuantizeBytes<T>(T* x, int count, float scale, bool divide, ThresholdSearch search, byte* codes)
        where T : unmanaged;
}
