using static TorchSharp.torch;

namespace LoraSharp.Files;

/// <summary>
/// Names and sizes of the element types of the safetensors format (<see href="https://github.com/huggingface/safetensors"/>), and the types of
/// torch that they correspond to.
/// </summary>
public static class TensorDtype
{
    private static readonly Dictionary<string, (int Bits, ScalarType? Torch)> Types = new(StringComparer.Ordinal)
    {
        ["BOOL"] = (8, ScalarType.Bool),
        ["F4"] = (4, null),
        ["F6_E2M3"] = (6, null),
        ["F6_E3M2"] = (6, null),
        ["U8"] = (8, ScalarType.Byte),
        ["I8"] = (8, ScalarType.Int8),
        ["F8_E5M2"] = (8, null),
        ["F8_E4M3"] = (8, null),
        ["F8_E8M0"] = (8, null),
        ["I16"] = (16, ScalarType.Int16),
        ["U16"] = (16, null),
        ["F16"] = (16, ScalarType.Float16),
        ["BF16"] = (16, ScalarType.BFloat16),
        ["I32"] = (32, ScalarType.Int32),
        ["U32"] = (32, null),
        ["F32"] = (32, ScalarType.Float32),
        ["C64"] = (64, ScalarType.ComplexFloat32),
        ["F64"] = (64, ScalarType.Float64),
        ["I64"] = (64, ScalarType.Int64),
        ["U64"] = (64, null),
    };

    private static readonly string[] Order = [.. Types.Keys];

    /// <summary>Every element type that the format knows.</summary>
    public static IReadOnlyCollection<string> Names => Types.Keys;

    /// <summary>Bits of one element, or null for a name that the format does not know.</summary>
    public static int? Bits(string name) => Types.TryGetValue(name, out var type) ? type.Bits : null;

    /// <summary>A type's place in the order in which the reference library writes tensors: the highest first.</summary>
    internal static int Rank(string name) => Array.IndexOf(Order, name);

    /// <summary>torch's type, or null where torch (as TorchSharp has it) lacks one; such tensors can be read as bytes.</summary>
    public static ScalarType? ToTorch(string name) => Types.TryGetValue(name, out var type) ? type.Torch : null;

    /// <summary>The format's name of a torch type.</summary>
    /// <exception cref="NotSupportedException">The format has no such type.</exception>
    public static string FromTorch(ScalarType type)
    {
        foreach (var (name, entry) in Types)
        {
            if (entry.Torch == type)
            {
                return name;
            }
        }

        throw new NotSupportedException($"The safetensors format has no element type for {type}; convert the tensor first.");
    }
}
