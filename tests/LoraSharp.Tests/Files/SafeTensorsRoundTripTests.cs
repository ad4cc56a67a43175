using System.Text;
using FsCheck.Xunit;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Files;

public sealed class SafeTensorsRoundTripTests : IDisposable
{
    private static readonly ScalarType[] Types =
    [
        ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32,
        ScalarType.Float64, ScalarType.ComplexFloat32,
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_type_and_shape_comes_back_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        long[][] shapes = [[], [1], [5], [2, 3], [3, 0, 2], [0], [1, 1, 4, 2]];
        var tensors = new Dictionary<string, Tensor>();
        foreach (ScalarType type in Types)
        {
            foreach (long[] shape in shapes)
            {
                tensors.Add($"{type}[{string.Join(',', shape)}]", (randn(shape) * 50).to(type));
            }
        }

        // Views are written as what they show.
        tensors.Add("transposed", randn(3, 4).t());
        tensors.Add("strided", randn(10)[TensorIndex.Slice(1, 10, 3)]);
        SafeTensorsWriter.Write(_folder.At("a.safetensors"), tensors);
        using SafeTensorsFile file = SafeTensorsFile.Open(_folder.At("a.safetensors"));
        Assert.Equal(tensors.Count, file.Tensors.Count);
        foreach (var (name, tensor) in tensors)
        {
            using Tensor back = file.Load(name);
            Assert.Equal(tensor.dtype, back.dtype);
            Assert.Equal(tensor.shape, back.shape);
            Assert.True(tensor.eq(back).logical_or(tensor.ne(tensor)).all().item<bool>(), name);
        }
    }

    [Fact]
    public void Types_that_torch_lacks_come_back_as_bytes()
    {
        byte[] content = [.. Enumerable.Range(0, 24).Select(i => (byte)(i * 7))];
        string[] types = ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "U16", "U32", "U64"];
        SafeTensorsWriter.Write(_folder.At("a.safetensors"), [.. types.Select(t => TensorSource.Raw(t, t, [24L * 8 / TensorDtype.Bits(t)!.Value], stream => stream.Write(content)))]);
        using SafeTensorsFile file = SafeTensorsFile.Open(_folder.At("a.safetensors"));
        foreach (string type in types)
        {
            Assert.Equal(content, file.Bytes(type).ToArray());
            Assert.Contains("read its bytes", Assert.Throws<NotSupportedException>(() => file.Load(type)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_type_can_be_asked_for_and_names_are_checked()
    {
        using Tensor values = tensor(new[] { 1.5f, -2f });
        SafeTensorsWriter.Write(_folder.At("a.safetensors"), new Dictionary<string, Tensor> { ["x"] = values });
        using SafeTensorsFile file = SafeTensorsFile.Open(_folder.At("a.safetensors"));
        using Tensor half = file.Load("x", ScalarType.BFloat16);
        Assert.Equal(ScalarType.BFloat16, half.dtype);
        Assert.Contains("'y'", Assert.Throws<KeyNotFoundException>(() => file.Load("y")).Message, StringComparison.Ordinal);
        KeyValuePair<string, Tensor>[] twice = [new("x", values), new("x", values)];
        Assert.Contains("named 'x'", Assert.Throws<ArgumentException>(() => SafeTensorsWriter.Write(_folder.At("b.safetensors"), twice)).Message, StringComparison.Ordinal);
        Assert.Equal(["a.safetensors"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_closed_file_cannot_be_read()
    {
        File.WriteAllBytes(_folder.At("a.safetensors"), SafeTensorsTestFile.Valid);
        SafeTensorsFile file = SafeTensorsFile.Open(_folder.At("a.safetensors"));
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Load("a"));
        Assert.Throws<ObjectDisposedException>(() => file.Bytes("a").Length);
    }

    [Property(MaxTest = 100)]
    public void Metadata_and_names_of_any_text_come_back(string[] texts)
    {
        // JSON cannot hold halves of a surrogate pair.
        string[] keys = [.. texts.Where(t => t is not null && t != "__metadata__").Select(t => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(t))).Distinct()];
        using var scope = NewDisposeScope();
        string path = _folder.At("m.safetensors");
        SafeTensorsWriter.Write(path, keys.Select((key, i) => KeyValuePair.Create(key, tensor(i))), keys.ToDictionary(key => key, key => key + "!"));
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        Assert.Equal(keys.Order(StringComparer.Ordinal), file.Metadata.Keys.Order(StringComparer.Ordinal));
        Assert.All(keys, key => Assert.Equal(key + "!", file.Metadata[key]));
        Assert.All(keys.Select((key, i) => (key, i)), item => Assert.Equal(item.i, file.Load(item.key).item<int>()));
    }

    // The files of the cases were written by the reference library: the same tensors and metadata give the same bytes.
    [Theory]
    [InlineData("nf4")]
    [InlineData("peft-lora")]
    [InlineData("trainer")]
    [InlineData("optimizer")]
    public void Files_of_the_reference_library_are_written_byte_for_byte(string group)
    {
        Assert.SkipUnless(GoldenFolder.HasGroup(group), $"The group '{group}' is not there.");
        int mixed = 0;
        foreach (string path in Directory.EnumerateFiles(Path.Combine(GoldenFolder.Root, group), "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(40))
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            TensorSource[] sources = [.. file.Tensors.Reverse().Select(t => TensorSource.Raw(t.Name, t.Dtype, t.Shape, stream => stream.Write(file.Bytes(t.Name))))];
            SafeTensorsWriter.Write(_folder.At("again.safetensors"), sources, file.Metadata);
            Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.At("again.safetensors"))), path);
            mixed += file.Tensors.Select(t => t.Dtype).Distinct().Count() > 1 ? 1 : 0;
        }

        Assert.True(mixed > 0 || group != "nf4", "No file had several types.");
    }
}
