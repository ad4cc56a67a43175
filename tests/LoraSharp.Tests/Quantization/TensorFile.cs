using System.Runtime.InteropServices;
using System.Text.Json;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

/// <summary>Tensors of a golden case as raw bytes; these tests need no torch.</summary>
internal sealed class TensorFile
{
    private readonly byte[] _bytes;
    private readonly Dictionary<string, JsonElement> _entries;
    private readonly int _start;

    public TensorFile(string path)
    {
        _bytes = File.ReadAllBytes(path);
        int header = checked((int)BitConverter.ToUInt64(_bytes));
        _start = 8 + header;
        _entries = JsonDocument.Parse(_bytes.AsMemory(8, header)).RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
    }

    public bool Has(string name) => _entries.ContainsKey(name);

    public string Type(string name) => _entries[name].GetProperty("dtype").GetString()!;

    public long[] Shape(string name) => [.. _entries[name].GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())];

    public byte[] Bytes(string name)
    {
        JsonElement offsets = _entries[name].GetProperty("data_offsets");
        return _bytes[(_start + offsets[0].GetInt32())..(_start + offsets[1].GetInt32())];
    }

    /// <summary>The elements, without conversion.</summary>
    public T[] Raw<T>(string name)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes(name)).ToArray();

    /// <summary>The elements widened to single precision.</summary>
    public float[] Singles(string name) => Type(name) switch
    {
        "F32" => Raw<float>(name),
        "F16" => [.. Raw<Half>(name).Select(x => (float)x)],
        "BF16" => [.. Raw<BFloat16>(name).Select(x => (float)x)],
        string other => throw new InvalidDataException($"{name} is {other}, not a floating-point tensor."),
    };
}
