using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Kernels;

/// <summary>Divides rows among libtorch's threads.</summary>
internal static class KernelRows
{
    /// <summary>Elements of a piece of work: enough that handing it to a thread costs nothing beside it.</summary>
    private const long Elements = 1 << 14;

    /// <summary>Runs <paramref name="body"/>(first, end) over all rows, which cost about <paramref name="columns"/> elements each.</summary>
    public static void Run(long rows, long columns, Action<long, long> body) => ParallelRanges.Run(rows, Math.Max(1, Elements / Math.Max(1, columns)), get_num_threads(), body);

    /// <summary>Whether the kernels can work on a tensor's type and place.</summary>
    public static bool Accepts(Tensor tensor) => tensor.device_type == DeviceType.CPU && Layers.KernelTypes.Supports(tensor.dtype);
}
