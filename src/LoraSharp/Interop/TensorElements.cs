using System.Buffers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Interop;

/// <summary>The elements of a contiguous CPU tensor as <see cref="Memory{T}"/>; the tensor must outlive its use.</summary>
internal sealed unsafe class TensorElements<T> : MemoryManager<T>
    where T : unmanaged
{
    private readonly T* _first;
    private readonly int _count;

    public TensorElements(Tensor tensor)
    {
        // The span checks type, layout and size.
        _count = TensorMemory.Span<T>(tensor).Length;
        _first = (T*)TensorMemory.Pointer(tensor);
    }

    public override Span<T> GetSpan() => new(_first, _count);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_first + elementIndex);

    public override void Unpin()
    {
        // Native memory does not move.
    }

    protected override void Dispose(bool disposing)
    {
        // The tensor owns the memory.
    }
}
