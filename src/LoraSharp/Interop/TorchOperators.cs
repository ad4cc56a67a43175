using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LoraSharp.Interop;

/// <summary>
/// libtorch operators that TorchSharp does not wrap, called through the dispatcher of libtorch's own C interface (autograd included).
/// </summary>
internal static unsafe partial class TorchOperators
{
    private const string Library = "torch_cpu";

    /// <summary>
    /// Attention with a free scale and grouped heads. query (B, heads, T, D); key and value (B, kvHeads, S, D); mask broadcastable to (B, heads, T, S) or null.
    /// </summary>
    public static Tensor ScaledDotProductAttention(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale)
    {
        bool grouped = query.shape[1] != key.shape[1];
        ulong* stack = stackalloc ulong[8];
        stack[0] = Own(query);
        stack[1] = Own(key);
        stack[2] = Own(value);
        stack[3] = mask is null ? 0 : Optional(Own(mask));
        stack[4] = BitConverter.DoubleToUInt64Bits(0.0);
        stack[5] = isCausal ? 1u : 0u;
        stack[6] = Optional(BitConverter.DoubleToUInt64Bits(scale));
        stack[7] = grouped ? 1u : 0u;
        return Call("aten::scaled_dot_product_attention", stack);
    }

    /// <summary>Rows of a table (vocabulary, dim) for ids of any shape; the padding row (−1: none) gets no gradient.</summary>
    public static Tensor Embedding(Tensor table, Tensor ids, long paddingId)
    {
        ulong* stack = stackalloc ulong[5];
        stack[0] = Own(table);
        stack[1] = Own(ids);
        stack[2] = (ulong)paddingId;
        stack[3] = 0;
        stack[4] = 0;
        return Call("aten::embedding", stack);
    }

    /// <summary>Gives a parameter its values in another type, in place: whoever holds it goes on holding it.</summary>
    public static void SetData(Tensor parameter, ScalarType dtype)
    {
        using var noGrad = no_grad();
        using Tensor converted = parameter.detach().to(dtype);
        ulong* stack = stackalloc ulong[2];
        stack[0] = Own(parameter);
        stack[1] = Own(converted);
        TensorMemory.Check(CallDispatcher("aten::set_data", "", stack), "aten::set_data");
    }

    /// <summary>Products of matrices, batch by batch, into memory that is there: a (n, i, k), b (n, k, j), result (n, i, j), all of one type. Not for autograd.</summary>
    public static void BatchedProductInto(Tensor result, Tensor a, Tensor b) => ProductInto("aten::bmm", result, a, b);

    /// <summary>A product of matrices into memory that is there: a (i, k), b (k, j), result (i, j), all of one type. Not for autograd.</summary>
    public static void ProductInto(Tensor result, Tensor a, Tensor b) => ProductInto("aten::mm", result, a, b);

    /// <summary>How often a tensor has been changed in place.</summary>
    public static long Version(Tensor tensor)
    {
        ulong* stack = stackalloc ulong[1];
        stack[0] = Own(tensor);
        TensorMemory.Check(CallDispatcher("aten::_version", "", stack), "aten::_version");
        return (long)stack[0];
    }

    private static void ProductInto(string name, Tensor result, Tensor a, Tensor b)
    {
        ulong* stack = stackalloc ulong[3];
        stack[0] = Own(a);
        stack[1] = Own(b);
        stack[2] = Own(result);
        Call(name, stack, "out").Dispose();
    }

    private static Tensor Call(string name, ulong* stack, string overload = "")
    {
        TensorMemory.Check(CallDispatcher(name, overload, stack), name);
        return Tensor.UnsafeCreateTensor((IntPtr)stack[0]);
    }

    // The dispatcher consumes the handles it is given, so it gets handles of its own to the same tensors.
    private static ulong Own(Tensor tensor)
    {
        TensorMemory.Check(NewHandle(tensor.Handle, out IntPtr handle), "aoti_torch_new_tensor_handle");
        return (ulong)handle;
    }

    // An optional argument is a pointer to a heap cell, which libtorch frees with C++ delete; that is free() for such a cell.
    private static ulong Optional(ulong value)
    {
        ulong* cell = (ulong*)NativeMemory.Alloc(sizeof(ulong));
        *cell = value;
        return (ulong)cell;
    }

    [LibraryImport(Library, EntryPoint = "aoti_torch_call_dispatcher", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CallDispatcher(string name, string overload, ulong* stack);

    [LibraryImport(Library, EntryPoint = "aoti_torch_new_tensor_handle")]
    private static partial int NewHandle(IntPtr tensor, out IntPtr handle);
}
