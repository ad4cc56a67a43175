using System.Runtime.InteropServices;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>Memory aligned to pages, as libtorch's tensors are at least to cache lines.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    /// <param name="length">Bytes, a multiple of 4096.</param>
    public NativeBuffer(long length)
    {
        Length = length;
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)length, 4096);

        // Written once, so that the pages exist.
        NativeMemory.Clear(Pointer, (nuint)length);
    }

    public long Length { get; }

    public byte* Pointer { get; private set; }

    public Span<T> Span<T>(int length)
        where T : unmanaged => new(Pointer, length);

    public void Dispose()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
    }
}
