using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

/// <summary>Calls a generic test with the element type that a case names.</summary>
internal static class ElementTypeNames
{
    public interface IAction
    {
        void Run<T>()
            where T : unmanaged;
    }

    public static void Run(string dtype, IAction action)
    {
        switch (dtype)
        {
            case "float32":
                action.Run<float>();
                break;
            case "float16":
                action.Run<Half>();
                break;
            case "bfloat16":
                action.Run<BFloat16>();
                break;
            default:
                Assert.Fail($"Unknown dtype {dtype}.");
                break;
        }
    }

    public static T[] Rounded<T>(float[] values)
        where T : unmanaged => [.. values.Select(Element<T>.FromSingle)];

    public static float[] Widened<T>(T[] values)
        where T : unmanaged => [.. values.Select(Element<T>.ToSingle)];
}
