using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Work that is the same for every element type of the quantisation kernels.</summary>
internal interface IKernelWork
{
    void Run<T>()
        where T : unmanaged;
}

/// <summary>Leads from torch's element types to the kernels' type parameters.</summary>
internal static class KernelTypes
{
    /// <summary>Whether the kernels read and write this type.</summary>
    public static bool Supports(ScalarType type) => type is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>The type itself, or float32 where the kernels do not know it.</summary>
    public static ScalarType Nearest(ScalarType type) => Supports(type) ? type : ScalarType.Float32;

    /// <summary>Bytes of an element.</summary>
    public static int Bytes(ScalarType type) => type == ScalarType.Float32 ? 4 : 2;

    public static ElementType Element(ScalarType type) => type switch
    {
        ScalarType.Float16 => ElementType.Float16,
        ScalarType.BFloat16 => ElementType.BFloat16,
        _ => ElementType.Float32,
    };

    public static void Run<TWork>(ScalarType type, ref TWork work)
        where TWork : struct, IKernelWork, allows ref struct
    {
        switch (type)
        {
            case ScalarType.Float32:
                work.Run<float>();
                break;
            case ScalarType.Float16:
                work.Run<Half>();
                break;
            case ScalarType.BFloat16:
                work.Run<LoraSharp.Quantization.BFloat16>();
                break;
            default:
                throw new ArgumentException($"A {type} tensor cannot be quantised; convert it to Float32, Float16 or BFloat16.", nameof(type));
        }
    }
}
