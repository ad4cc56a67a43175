namespace LoraSharp.Quantization;

/// <summary>The floating-point types that kernels read and write.</summary>
public enum ElementType
{
    /// <summary>IEEE single precision (<see cref="float"/>), 4 bytes.</summary>
    Float32,

    /// <summary>IEEE half precision (<see cref="Half"/>), 2 bytes.</summary>
    Float16,

    /// <summary>The upper half of a single (<see cref="Quantization.BFloat16"/>), 2 bytes.</summary>
    BFloat16,
}

internal static class ElementTypes
{
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Float32 => 4,
        ElementType.Float16 or ElementType.BFloat16 => 2,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Unknown element type: use Float32, Float16 or BFloat16."),
    };
}
