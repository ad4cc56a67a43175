using LoraSharp.Interop;
using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>
/// Gives optimizers their state tensors. Paged ones lie in memory-mapped files, which the operating system writes out and reads again as it needs room, so that the
/// states can exceed the machine's memory.
/// </summary>
/// <param name="pageFolder">A folder for the files, or null: ordinary memory.</param>
internal sealed class StateMemory(string? pageFolder)
{
    /// <summary>Smaller states are not worth a file each.</summary>
    public const long SmallestPaged = 100_000;

    private readonly Dictionary<IntPtr, IDisposable> _files = [];

    /// <summary>A tensor of zeros, detached from every scope.</summary>
    public Tensor Zeros(ReadOnlySpan<long> shape, ScalarType type, Device device)
    {
        long count = 1;
        foreach (long size in shape)
        {
            count *= size;
        }

        bool paged = pageFolder is not null && count >= SmallestPaged && device.type == TorchSharp.DeviceType.CPU && type is ScalarType.Float32 or ScalarType.Byte;
        return (!paged ? zeros(shape, type, device)
            : type == ScalarType.Float32 ? Map<float>(shape, count, type)
            : Map<byte>(shape, count, type)).DetachFromDisposeScope();
    }

    /// <summary>Disposes of a tensor and its file.</summary>
    public void Release(Tensor tensor)
    {
        bool mapped = _files.Remove(tensor.Handle, out IDisposable? file);
        tensor.Dispose();
        if (mapped)
        {
            file!.Dispose();
        }
    }

    private unsafe Tensor Map<T>(ReadOnlySpan<long> shape, long count, ScalarType type)
        where T : unmanaged
    {
        var memory = new MappedMemory<T>(pageFolder!, checked((int)count));

        // Mapped memory never moves: there is nothing to unpin.
        Tensor tensor = TensorMemory.View(memory.Pin().Pointer, shape, type);
        _files.Add(tensor.Handle, memory);
        return tensor;
    }
}
