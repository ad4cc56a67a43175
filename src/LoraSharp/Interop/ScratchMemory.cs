using System.Runtime.InteropServices;
using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Interop;

/// <summary>What a piece of scratch memory is used for; pieces for different uses are different memory.</summary>
internal enum ScratchUse
{
    /// <summary>A dequantised panel of a weight.</summary>
    Panel,

    /// <summary>Queries of a tile in float32.</summary>
    Queries,

    /// <summary>Scores of a tile.</summary>
    Scores,

    /// <summary>Probabilities of a tile, or the gradient to them.</summary>
    Probabilities,

    /// <summary>Gradients to the scores of a tile.</summary>
    ScoreGradients,

    /// <summary>Logits of a chunk of rows.</summary>
    Logits,
}

/// <summary>
/// Memory of one thread for large short-lived results, reused so that it stays in the cache, costs no page faults and leaves no holes in the heap between what lives longer.
/// Each piece grows to the largest that was asked for.
/// </summary>
internal sealed unsafe class ScratchMemory
{
    private const nuint Alignment = 64;

    [ThreadStatic]
    private static ScratchMemory?[]? _ofThread;

    private void* _memory;
    private long _bytes;

    ~ScratchMemory() => NativeMemory.AlignedFree(_memory);

    /// <summary>A tensor over this thread's memory for a use; valid until the next one for that use is asked for.</summary>
    public static Tensor Tensor(ScratchUse use, ReadOnlySpan<long> shape, ScalarType type)
    {
        ScratchMemory own = (_ofThread ??= new ScratchMemory?[Enum.GetValues<ScratchUse>().Length])[(int)use] ??= new ScratchMemory();
        long bytes = KernelTypes.Bytes(type);
        foreach (long size in shape)
        {
            bytes *= size;
        }

        if (bytes > own._bytes)
        {
            NativeMemory.AlignedFree(own._memory);
            own._bytes = 0;
            own._memory = NativeMemory.AlignedAlloc((nuint)bytes, Alignment);
            own._bytes = bytes;
        }

        return TensorMemory.View(own._memory, shape, type);
    }
}
