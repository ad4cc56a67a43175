using System.Runtime.InteropServices;

namespace LoraSharp.Quantization;

/// <summary>Managed arrays that the collector never moves, so that taking their address for a kernel costs nothing.</summary>
internal static class PinnedMemory
{
    public static Memory<T> Allocate<T>(int length)
        where T : unmanaged =>
        length == 0 ? default : MemoryMarshal.CreateFromPinnedArray(GC.AllocateUninitializedArray<T>(length, pinned: true), 0, length);
}
