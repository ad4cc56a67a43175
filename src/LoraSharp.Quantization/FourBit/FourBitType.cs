namespace LoraSharp.Quantization;

/// <summary>The two 4-bit data types.</summary>
public enum FourBitType
{
    /// <summary>NormalFloat: 16 values at equal probability mass of a normal distribution (QLoRA, arXiv:2305.14314).</summary>
    Nf4,

    /// <summary>A 4-bit float: sign, 2 exponent bits, 1 fraction bit, scaled so that the largest value is 1.</summary>
    Fp4,
}
