namespace LoraSharp.Quantization;

/// <summary>
/// The scales of a 4-bit tensor, quantised to 8 bits themselves (QLoRA, section 3): scale = <c>Code[codes[i]] · NestedAbsmax[i / BlockSize] + Offset</c>.
/// </summary>
public sealed class DoubleQuantization
{
    /// <summary>Describes existing data, for instance of a file.</summary>
    /// <param name="absmaxCodes">One 8-bit code a block.</param>
    /// <param name="nestedAbsmax">One scale for each <paramref name="blockSize"/> codes.</param>
    /// <param name="nestedCode">The 256 values that the codes stand for; the signed dynamic map where not given.</param>
    /// <param name="offset">The mean that was subtracted from the scales.</param>
    /// <param name="blockSize">A power of two from 1; bitsandbytes writes 256.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public DoubleQuantization(ReadOnlyMemory<byte> absmaxCodes, ReadOnlyMemory<float> nestedAbsmax, ReadOnlyMemory<float> nestedCode, float offset, int blockSize = FourBitLayout.NestedBlockSize)
    {
        if (blockSize < 1 || (blockSize & (blockSize - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(blockSize), blockSize, "The nested block size must be a power of two; bitsandbytes writes 256.");
        }

        FourBitLayout.RequireLength(nestedAbsmax.Length, ((long)absmaxCodes.Length + blockSize - 1) / blockSize, "nested_absmax");
        NestedCode = nestedCode.IsEmpty ? DynamicMap.Signed.Values : nestedCode;
        FourBitLayout.RequireLength(NestedCode.Length, DynamicMap.Size, "nested_quant_map");
        AbsmaxCodes = absmaxCodes;
        NestedAbsmax = nestedAbsmax;
        Offset = offset;
        BlockSize = blockSize;
    }

    /// <summary>One 8-bit code for each block of the tensor.</summary>
    public ReadOnlyMemory<byte> AbsmaxCodes { get; }

    /// <summary>One scale for each <see cref="BlockSize"/> codes.</summary>
    public ReadOnlyMemory<float> NestedAbsmax { get; }

    /// <summary>The 256 values that the codes stand for.</summary>
    public ReadOnlyMemory<float> NestedCode { get; }

    /// <summary>The mean of the scales, subtracted before they were quantised.</summary>
    public float Offset { get; }

    /// <summary>Codes that share one nested scale.</summary>
    public int BlockSize { get; }

    /// <summary>Quantises the scales of a tensor: their mean is subtracted, the rest is coded blockwise with the signed dynamic map.</summary>
    /// <param name="absmax">One scale a block.</param>
    /// <param name="mean">
    /// Their mean, when the caller has it from the library whose files are to be matched: it depends in its last bits on the order of addition, and a code can
    /// depend on those. Default: null, the exact mean.
    /// </param>
    /// <returns>The quantised scales, with blocks of 256.</returns>
    public static DoubleQuantization Compress(ReadOnlySpan<float> absmax, float? mean = null)
    {
        float offset = mean ?? ExactMean(absmax);
        var rest = new float[absmax.Length];
        for (int i = 0; i < rest.Length; i++)
        {
            rest[i] = absmax[i] - offset;
        }

        var codes = PinnedMemory.Allocate<byte>(absmax.Length);
        var nested = PinnedMemory.Allocate<float>((absmax.Length + FourBitLayout.NestedBlockSize - 1) / FourBitLayout.NestedBlockSize);
        Blockwise8Bit.Quantize<float>(rest, DynamicMap.Signed, FourBitLayout.NestedBlockSize, codes.Span, nested.Span, maxThreads: 1);
        return new DoubleQuantization(codes, nested, DynamicMap.Signed.Values, offset);
    }

    private static float ExactMean(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float value in values)
        {
            sum += value;
        }

        return values.IsEmpty ? 0 : (float)(sum / values.Length);
    }

    /// <summary>The scales as singles.</summary>
    /// <param name="absmax">Receives one scale a block.</param>
    /// <exception cref="ArgumentException">The span has another length than <see cref="AbsmaxCodes"/>.</exception>
    public void Restore(Span<float> absmax)
    {
        FourBitLayout.RequireLength(absmax.Length, AbsmaxCodes.Length, "absmax");
        ReadOnlySpan<byte> codes = AbsmaxCodes.Span;
        ReadOnlySpan<float> code = NestedCode.Span;
        ReadOnlySpan<float> nested = NestedAbsmax.Span;
        for (int i = 0; i < codes.Length; i++)
        {
            absmax[i] = (code[codes[i]] * nested[i / BlockSize]) + Offset;
        }
    }
}
