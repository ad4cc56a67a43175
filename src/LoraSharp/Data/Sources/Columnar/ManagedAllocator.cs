using System.Buffers;
using Apache.Arrow.Memory;

namespace LoraSharp.Data;

/// <summary>
/// Gives Arrow's reader memory of the garbage collector: batches share dictionaries, whose native memory would be gone with the first batch that is disposed.
/// </summary>
/// <param name="limit">The largest single piece, in bytes; a damaged file may ask for any amount.</param>
internal sealed class ManagedAllocator(long limit) : MemoryAllocator
{
    protected override IMemoryOwner<byte> AllocateInternal(int length, out int bytesAllocated)
    {
        bytesAllocated = length <= limit ? length : throw new InvalidDataException($"a part of it claims {length} bytes");
        return new Owner(new byte[length]);
    }

    private sealed class Owner(byte[] bytes) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory => bytes;

        public void Dispose()
        {
        }
    }
}
