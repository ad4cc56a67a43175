namespace LoraSharp.Layers;

/// <summary>How a product with a 4-bit weight is computed.</summary>
internal enum FourBitPath
{
    /// <summary>From the codes directly, without a dequantised copy: for few rows.</summary>
    Fused,

    /// <summary>Panel by panel: each is dequantised into memory that stays in the cache and multiplied densely.</summary>
    Panel,

    /// <summary>The whole matrix is dequantised: for types that the kernels do not know, and as the plain reference in tests.</summary>
    Whole,
}
