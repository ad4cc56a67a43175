using System.Buffers.Binary;
using System.Text;
using LoraSharp.Files;

namespace LoraSharp.Tests.Files;

/// <summary>Safetensors files made by hand, right and wrong ones.</summary>
internal static class SafeTensorsTestFile
{
    /// <summary>A small valid file: three tensors, one of them a scalar, one empty.</summary>
    public static byte[] Valid { get; } = Bytes(
        """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"I64","shape":[],"data_offsets":[24,32]},"c":{"dtype":"BF16","shape":[0,7],"data_offsets":[32,32]}}""",
        [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    public static byte[] Bytes(string header, byte[]? data = null) => Bytes(Encoding.UTF8.GetBytes(header), data ?? []);

    public static byte[] Bytes(byte[] header, byte[] data)
    {
        var bytes = new byte[8 + header.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        header.CopyTo(bytes, 8);
        data.CopyTo(bytes, 8 + header.Length);
        return bytes;
    }

    public static byte[] WithLength(byte[] file, ulong length)
    {
        byte[] copy = [.. file];
        BinaryPrimitives.WriteUInt64LittleEndian(copy, length);
        return copy;
    }

    /// <summary>A header with one entry, and as many data bytes.</summary>
    public static byte[] Entry(string dtype, string shape, string offsets, int dataBytes = 0) =>
        Bytes($$$"""{"t":{"dtype":{{{dtype}}},"shape":{{{shape}}},"data_offsets":{{{offsets}}}}}""", new byte[dataBytes]);

    public static SafeTensorsHeader Parse(byte[] file)
    {
        using var stream = new MemoryStream(file);
        return SafeTensorsHeader.Read(stream, "test.safetensors");
    }

    /// <summary>The message with which the header is refused; fails when it is accepted, with any other exception, or when much memory was taken.</summary>
    public static string Refusal(byte[] file)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Assert.Throws<SafeTensorsException>(() => Parse(file)).Message;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000 + (100L * file.Length));
        Assert.StartsWith("'test.safetensors' is not a usable safetensors file: ", message, StringComparison.Ordinal);
        return message;
    }
}
