using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>
/// A 4-bit tensor as addresses in the memory of a backend (host memory for the CPU, device memory for a GPU): what kernels read.
/// The lengths follow from <see cref="Count"/> and <see cref="BlockSize"/> and are validated by whoever builds this structure.
/// </summary>
public readonly unsafe struct FourBitAddresses
{
    /// <summary>Two codes a byte, the even element in the high nibble: (count + 1) / 2 bytes.</summary>
    public byte* Packed { get; init; }

    /// <summary>The number of elements.</summary>
    public long Count { get; init; }

    /// <summary>Elements that share one scale; a power of two from 32 to 4096.</summary>
    public int BlockSize { get; init; }

    /// <summary>The value of each of the 16 codes.</summary>
    public float* Code { get; init; }

    /// <summary>One scale a block; null when the scales are quantised themselves.</summary>
    public float* Absmax { get; init; }

    /// <summary>Double quantisation: the 8-bit code of each block's scale.</summary>
    public byte* AbsmaxCodes { get; init; }

    /// <summary>Double quantisation: the scale of each group of scales.</summary>
    public float* NestedAbsmax { get; init; }

    /// <summary>Double quantisation: the value of each of the 256 codes.</summary>
    public float* NestedCode { get; init; }

    /// <summary>Double quantisation: added to each restored scale.</summary>
    public float NestedOffset { get; init; }

    /// <summary>Double quantisation: binary logarithm of the number of scales that share one nested scale (8 in bitsandbytes' files).</summary>
    public int NestedBlockShift { get; init; }

    /// <summary>The scale of a block: stored, or code × nested scale + offset with two roundings (never fused).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal float Scale(long block) =>
        AbsmaxCodes == null
            ? Absmax[block]
            : (NestedCode[AbsmaxCodes[block]] * NestedAbsmax[block >> NestedBlockShift]) + NestedOffset;
}
