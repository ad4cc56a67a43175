using LoraSharp.Interop;
using LoraSharp.Layers;
using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>How linear layers are held in 4 bits, in bitsandbytes' terms (Dettmers et al. 2023, QLoRA).</summary>
public sealed record QuantizationConfig
{
    /// <summary>Data type of the codes. Default: NF4.</summary>
    public FourBitType Type { get; init; } = FourBitType.Nf4;

    /// <summary>Elements that share one scale: a power of two from 32 to 4096. Default: 64.</summary>
    public int BlockSize { get; init; } = 64;

    /// <summary>Whether the scales are quantised again, to 8 bits. Default: true.</summary>
    public bool DoubleQuant { get; init; } = true;

    /// <summary>Type of the matrix products: float32, bfloat16 or float16. Default: null, the type of the layer's input.</summary>
    public ScalarType? ComputeType { get; init; }

    /// <summary>NF4.</summary>
    /// <param name="doubleQuant">Whether the scales are quantised again.</param>
    /// <param name="computeType">Type of the matrix products; null: the input's.</param>
    /// <param name="blockSize">Elements that share one scale.</param>
    public static QuantizationConfig Nf4(bool doubleQuant = true, ScalarType? computeType = null, int blockSize = 64) =>
        new() { Type = FourBitType.Nf4, DoubleQuant = doubleQuant, ComputeType = computeType, BlockSize = blockSize };

    /// <summary>FP4; parameters as in <see cref="Nf4"/>.</summary>
    public static QuantizationConfig Fp4(bool doubleQuant = true, ScalarType? computeType = null, int blockSize = 64) =>
        new() { Type = FourBitType.Fp4, DoubleQuant = doubleQuant, ComputeType = computeType, BlockSize = blockSize };

    internal void Validate()
    {
        if (BlockSize is < 32 or > 4096 || !System.Numerics.BitOperations.IsPow2(BlockSize))
        {
            throw new ArgumentOutOfRangeException(nameof(BlockSize), BlockSize, "QuantizationConfig.BlockSize must be a power of two from 32 to 4096; 64 is usual.");
        }

        if (ComputeType is not (null or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16))
        {
            throw new ArgumentException($"QuantizationConfig.ComputeType is {ComputeType}; it must be Float32, BFloat16 or Float16.");
        }
    }

    /// <summary>Quantises a weight matrix (out, in).</summary>
    internal LinearWeight Quantize(Tensor weight) => FourBitWeight.Quantize(weight, this);
}
