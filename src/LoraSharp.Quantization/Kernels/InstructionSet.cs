namespace LoraSharp.Quantization;

/// <summary>The forms of the CPU kernels. All forms of quantising and dequantising give the same bits.</summary>
public enum InstructionSet
{
    /// <summary>One element at a time; runs everywhere.</summary>
    Scalar,

    /// <summary>128-bit vectors: Arm's AdvSimd, and SSE4.1 on x64.</summary>
    Vector128,

    /// <summary>256-bit vectors of x64 with FMA.</summary>
    Avx2,

    /// <summary>512-bit vectors of x64 (F, BW, DQ and VL).</summary>
    Avx512,
}
