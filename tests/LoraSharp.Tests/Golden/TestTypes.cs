using static TorchSharp.torch;

namespace LoraSharp.Tests.Golden;

/// <summary>The reference's names of element types.</summary>
internal static class TestTypes
{
    public static ScalarType Of(string name) => name switch
    {
        "float32" => ScalarType.Float32,
        "float64" => ScalarType.Float64,
        "bfloat16" => ScalarType.BFloat16,
        "float16" => ScalarType.Float16,
        _ => throw new NotSupportedException($"The runner does not know the type '{name}'."),
    };
}
