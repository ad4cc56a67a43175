using System.Text.RegularExpressions;
using LoraSharp.Layers;
using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>How linear layers are held in 4 bits (Dettmers et al. 2023, QLoRA) or in 8 (Dettmers et al. 2022, LLM.int8()), in bitsandbytes' terms.</summary>
public sealed record QuantizationConfig
{
    private static readonly TimeSpan PatternTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Whether layers are held in 8 bits; then only <see cref="Int8Threshold"/> and <see cref="SkipModules"/> count. Default: false, in 4 bits.</summary>
    public bool LoadIn8bit { get; init; }

    /// <summary>Data type of the codes. Default: NF4.</summary>
    public FourBitType Type { get; init; } = FourBitType.Nf4;

    /// <summary>Elements that share one scale: a power of two from 32 to 4096. Default: 64.</summary>
    public int BlockSize { get; init; } = 64;

    /// <summary>Whether the scales are quantised again, to 8 bits. Default: true.</summary>
    public bool DoubleQuant { get; init; } = true;

    /// <summary>Type of the matrix products: float32, bfloat16 or float16. Default: null, the type of the layer's input.</summary>
    public ScalarType? ComputeType { get; init; }

    /// <summary>
    /// Element type that files show the packed bytes as (Byte, Int8, Float16, BFloat16, Float32 or Float64): how they are cut into elements, nothing else. Default: Byte.
    /// </summary>
    public ScalarType QuantStorage { get; init; } = ScalarType.Byte;

    /// <summary>LLM.int8(): columns of the input with a magnitude from here on are multiplied without quantising them; 0: none. Default: 6.</summary>
    public double Int8Threshold { get; init; } = 6;

    /// <summary>
    /// Names of modules that are not quantised: a beginning of the name up to a dot, as a regular expression, or any ending. Default: null, the output head. A
    /// list replaces that default, so it should name the head as well.
    /// </summary>
    public IReadOnlyList<string>? SkipModules { get; init; }

    /// <summary>NF4.</summary>
    /// <param name="doubleQuant">Whether the scales are quantised again.</param>
    /// <param name="computeType">Type of the matrix products; null: the input's.</param>
    /// <param name="blockSize">Elements that share one scale.</param>
    public static QuantizationConfig Nf4(bool doubleQuant = true, ScalarType? computeType = null, int blockSize = 64) =>
        new() { Type = FourBitType.Nf4, DoubleQuant = doubleQuant, ComputeType = computeType, BlockSize = blockSize };

    /// <summary>FP4; parameters as in <see cref="Nf4"/>.</summary>
    public static QuantizationConfig Fp4(bool doubleQuant = true, ScalarType? computeType = null, int blockSize = 64) =>
        new() { Type = FourBitType.Fp4, DoubleQuant = doubleQuant, ComputeType = computeType, BlockSize = blockSize };

    /// <summary>LLM.int8().</summary>
    /// <param name="threshold">Columns of the input with a magnitude from here on are multiplied without quantising them; 0: none.</param>
    public static QuantizationConfig Int8(double threshold = 6.0) => new() { LoadIn8bit = true, Int8Threshold = threshold };

    internal void Validate()
    {
        if (BlockSize is < 32 or > 4096 || !System.Numerics.BitOperations.IsPow2(BlockSize))
        {
            throw new ArgumentOutOfRangeException(nameof(BlockSize), BlockSize, "QuantizationConfig.BlockSize must be a power of two from 32 to 4096; 64 is usual.");
        }

        if (ComputeType is { } compute && !KernelTypes.Supports(compute))
        {
            throw new ArgumentException($"QuantizationConfig.ComputeType is {ComputeType}; it must be Float32, BFloat16 or Float16.");
        }

        if (QuantStorage is not (ScalarType.Byte or ScalarType.Int8 or ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64))
        {
            throw new ArgumentException($"QuantizationConfig.QuantStorage is {QuantStorage}; it must be Byte, Int8, Float16, BFloat16, Float32 or Float64.");
        }

        if (!(Int8Threshold >= 0 && double.IsFinite(Int8Threshold)))
        {
            throw new ArgumentOutOfRangeException(nameof(Int8Threshold), Int8Threshold, "QuantizationConfig.Int8Threshold must be a number of at least 0 (0: no outliers); 6 is usual.");
        }

        foreach (string entry in SkipModules ?? [])
        {
            _ = Skips(entry, "");
        }
    }

    /// <summary>Whether the linear layer <paramref name="module"/> is quantised.</summary>
    /// <param name="module">Its full name.</param>
    /// <param name="isHead">Whether it belongs to a task's head.</param>
    internal bool Covers(string module, bool isHead) => SkipModules is null ? !isHead : !SkipModules.Any(entry => Skips(entry, module));

    /// <summary>Quantises a weight matrix (out, in).</summary>
    internal LinearWeight Quantize(Tensor weight) => LoadIn8bit ? Int8Weight.Quantize(weight, this) : FourBitWeight.Quantize(weight, this);

    private static bool Skips(string entry, string module)
    {
        ArgumentException.ThrowIfNullOrEmpty(entry, nameof(SkipModules));
        if (module.EndsWith(entry, StringComparison.Ordinal))
        {
            return true;
        }

        try
        {
            // The list may come from a file: a pattern must not be able to run for ever.
            return Regex.IsMatch(module, $@"^(?:{entry})\.", RegexOptions.CultureInvariant, PatternTimeout);
        }
        catch (RegexParseException e)
        {
            throw new ArgumentException($"QuantizationConfig.SkipModules holds '{entry}', which is no regular expression: {e.Message} Give module names.", e);
        }
    }
}
