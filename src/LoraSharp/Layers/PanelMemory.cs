using System.Runtime.InteropServices;
using LoraSharp.Interop;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Memory of one thread for a dequantised panel, reused from product to product so that it stays in the cache. It grows to the largest panel asked for.</summary>
internal sealed unsafe class PanelMemory
{
    private const nuint Alignment = 64;

    [ThreadStatic]
    private static PanelMemory? _ofThread;

    private void* _memory;
    private long _bytes;

    ~PanelMemory() => NativeMemory.AlignedFree(_memory);

    /// <summary>A tensor over this thread's memory; valid until the next one is asked for.</summary>
    public static Tensor Tensor(long rows, long columns, ScalarType type)
    {
        PanelMemory own = _ofThread ??= new PanelMemory();
        long bytes = rows * columns * KernelTypes.Bytes(type);
        if (bytes > own._bytes)
        {
            NativeMemory.AlignedFree(own._memory);
            own._bytes = 0;
            own._memory = NativeMemory.AlignedAlloc((nuint)bytes, Alignment);
            own._bytes = bytes;
        }

        return TensorMemory.View(own._memory, [rows, columns], type);
    }
}
