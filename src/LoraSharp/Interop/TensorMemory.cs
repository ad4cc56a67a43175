using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Interop;

/// <summary>The memory behind a CPU tensor, as pointers and spans, and tensors over memory that somebody else owns.</summary>
internal static unsafe partial class TensorMemory
{
    private const string Library = "torch_cpu";
    private const int CpuDevice = 0;

    /// <summary>Address of the first element. The tensor must be contiguous and on the CPU, and must outlive the pointer's use.</summary>
    public static void* Pointer(Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU)
        {
            throw new ArgumentException($"The tensor is on {tensor.device}; its memory can be read on the CPU only.", nameof(tensor));
        }

        if (!tensor.is_contiguous())
        {
            throw new ArgumentException("The tensor is not contiguous; call contiguous() first.", nameof(tensor));
        }

        Check(GetDataPointer(tensor.Handle, out void* pointer), "aoti_torch_get_data_ptr");
        return pointer;
    }

    /// <summary>The tensor's elements in place (at most 2^31-1 of them).</summary>
    public static Span<T> Span<T>(Tensor tensor)
        where T : unmanaged
    {
        if (tensor.element_size() != sizeof(T))
        {
            throw new ArgumentException($"The tensor holds {tensor.dtype} ({tensor.element_size()} bytes an element), not {typeof(T).Name} ({sizeof(T)} bytes).", nameof(tensor));
        }

        return new Span<T>(Pointer(tensor), checked((int)tensor.numel()));
    }

    /// <summary>All bytes of a contiguous CPU tensor of any size, copied from <paramref name="source"/>.</summary>
    public static void CopyFrom(Tensor target, void* source)
    {
        long bytes = target.numel() * target.element_size();
        Buffer.MemoryCopy(source, Pointer(target), bytes, bytes);
    }

    /// <summary>A tensor that reads and writes memory of somebody else, without a copy. The memory must outlive the tensor and every view of it.</summary>
    public static Tensor View(void* memory, ReadOnlySpan<long> shape, ScalarType dtype)
    {
        // Any TorchSharp call loads the native backend first, in the way TorchSharp wants it.
        InitializeDeviceType(DeviceType.CPU);
        Span<long> strides = stackalloc long[shape.Length];
        long stride = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }

        fixed (long* sizes = shape, steps = strides)
        {
            Check(CreateFromBlob(memory, shape.Length, sizes, steps, 0, (int)dtype, CpuDevice, 0, out IntPtr handle), "aoti_torch_create_tensor_from_blob");
            return Tensor.UnsafeCreateTensor(handle);
        }
    }

    internal static void Check(int code, string function)
    {
        if (code != 0)
        {
            throw new InvalidOperationException($"libtorch's {function} failed (code {code}); its own message is on the error output.");
        }
    }

    [LibraryImport(Library, EntryPoint = "aoti_torch_get_data_ptr")]
    private static partial int GetDataPointer(IntPtr tensor, out void* pointer);

    [LibraryImport(Library, EntryPoint = "aoti_torch_create_tensor_from_blob")]
    private static partial int CreateFromBlob(
        void* data, long dimensions, long* sizes, long* strides, long storageOffset, int dtype, int deviceType, int deviceIndex, out IntPtr tensor);
}
