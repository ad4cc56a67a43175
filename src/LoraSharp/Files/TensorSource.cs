using LoraSharp.Interop;
using static TorchSharp.torch;

namespace LoraSharp.Files;

/// <summary>A tensor to be written: its description at once, its bytes when their turn comes.</summary>
internal sealed class TensorSource
{
    private const int ChunkBytes = 1 << 26;
    private readonly Action<Stream> _write;

    private TensorSource(string name, string dtype, IReadOnlyList<long> shape, Action<Stream> write)
    {
        Name = name;
        Dtype = dtype;
        Shape = shape;
        long bits = TensorDtype.Bits(dtype) ?? throw new ArgumentException($"'{dtype}' is not an element type of the safetensors format.", nameof(dtype));
        Bytes = shape.Aggregate(1L, (product, size) => product * size) * bits / 8;
        _write = write;
    }

    public string Name { get; }

    public string Dtype { get; }

    public IReadOnlyList<long> Shape { get; }

    public long Bytes { get; }

    public static TensorSource Of(string name, Tensor tensor) => new(name, TensorDtype.FromTorch(tensor.dtype), tensor.shape, stream => Copy(tensor, stream));

    /// <summary>A tensor that <paramref name="make"/> creates when it is written and that is disposed afterwards.</summary>
    public static TensorSource Lazy(string name, ScalarType dtype, IReadOnlyList<long> shape, Func<Tensor> make) =>
        new(name, TensorDtype.FromTorch(dtype), shape, stream =>
        {
            using var scope = NewDisposeScope();
            Tensor tensor = make();
            if (tensor.dtype != dtype || !tensor.shape.SequenceEqual(shape))
            {
                throw new InvalidOperationException(
                    $"Tensor '{name}' came out as {tensor.dtype} [{string.Join(", ", tensor.shape)}] but was announced as {dtype} [{string.Join(", ", shape)}].");
            }

            Copy(tensor, stream);
        });

    /// <summary>Raw bytes, for element types that torch lacks and for packed weights.</summary>
    public static TensorSource Raw(string name, string dtype, IReadOnlyList<long> shape, Action<Stream> write) => new(name, dtype, shape, write);

    public void WriteTo(Stream stream)
    {
        long start = stream.Position;
        _write(stream);
        if (stream.Position - start != Bytes)
        {
            throw new InvalidOperationException($"Tensor '{Name}' wrote {stream.Position - start} bytes where {Bytes} were announced.");
        }
    }

    private static unsafe void Copy(Tensor tensor, Stream stream)
    {
        using var scope = NewDisposeScope();
        Tensor plain = tensor.detach().cpu().contiguous();
        long bytes = plain.numel() * plain.element_size();
        if (bytes == 0)
        {
            return;
        }

        byte* from = (byte*)TensorMemory.Pointer(plain);
        for (long at = 0; at < bytes; at += ChunkBytes)
        {
            stream.Write(new ReadOnlySpan<byte>(from + at, (int)Math.Min(ChunkBytes, bytes - at)));
        }
    }
}
