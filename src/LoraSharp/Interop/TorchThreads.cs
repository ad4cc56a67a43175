using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Interop;

/// <summary>
/// Lets this library's kernels run on the threads that libtorch computes with (GNU OpenMP's). Those wait for their next work by spinning for milliseconds, so threads of our own
/// would compete with them: on two cores a kernel between two matrix products takes 1.5 times as long on the thread pool. Where libtorch uses other threads, the pool stays.
/// </summary>
internal static unsafe class TorchThreads
{
    private static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> ParallelRegion = Find();

    /// <summary>Makes the kernels use libtorch's threads; done before the first kernel runs.</summary>
#pragma warning disable CA2255 // The kernels' project must not know libtorch, so somebody has to tell it.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Install() => ParallelRanges.Team = Run;

    private static bool Run(int threads, Action action)
    {
        if (ParallelRegion == null)
        {
            return false;
        }

        var handle = GCHandle.Alloc(action);
        try
        {
            ParallelRegion(&Enter, (void*)GCHandle.ToIntPtr(handle), (uint)threads, 0);
            return true;
        }
        finally
        {
            handle.Free();
        }
    }

    // The actions that ParallelRanges gives trap their exceptions; none may leave a native frame.
    [UnmanagedCallersOnly]
    private static void Enter(void* action) => ((Action)GCHandle.FromIntPtr((nint)action).Target!)();

    private static delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> Find()
    {
        // Any TorchSharp call loads the native backend first, in the way TorchSharp wants it.
        InitializeDeviceType(DeviceType.CPU);
        return NativeLibrary.TryLoad("torch_cpu", typeof(TorchThreads).Assembly, null, out nint library) && NativeLibrary.TryGetExport(library, "GOMP_parallel", out nint entry)
            ? (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)entry
            : null;
    }
}
