using System.Buffers.Binary;
using System.Text.Json;

namespace LoraSharp.Files;

/// <summary>Parses and checks the header of a safetensors file; nothing that the header claims is believed before it is checked against the file's size.</summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>The reference library's own limit.</summary>
    public const long MaxLength = 100_000_000;

    // torch's own limit for most operators; no model comes near it.
    private const int MaxDimensions = 64;

    private SafeTensorsHeader(IReadOnlyList<TensorEntry> tensors, IReadOnlyDictionary<string, string> metadata, long dataOffset)
    {
        Tensors = tensors;
        Metadata = metadata;
        DataOffset = dataOffset;
    }

    /// <summary>Tensors in the order of their data.</summary>
    public IReadOnlyList<TensorEntry> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Position in the file of the first data byte.</summary>
    public long DataOffset { get; }

    public static SafeTensorsHeader Read(Stream stream, string path)
    {
        long size = stream.Length;
        Span<byte> prefix = stackalloc byte[8];
        if (size < 8)
        {
            throw Error(path, $"it has {size} bytes, which is too short for the header's length; the file is truncated or not safetensors. Fetch it again");
        }

        stream.ReadExactly(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxLength)
        {
            throw Error(path, $"it claims a header of {length:N0} bytes, over the limit of {MaxLength:N0}; this is no safetensors file, or a hostile one");
        }

        if ((long)length > size - 8)
        {
            throw Error(path, $"it claims a header of {length:N0} bytes but only {size - 8:N0} follow; the file is truncated. Fetch it again");
        }

        var json = new byte[(int)length];
        stream.ReadExactly(json);
        return Parse(json, 8 + (long)length, size, path);
    }

    private static SafeTensorsHeader Parse(byte[] json, long dataOffset, long fileSize, string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Error(path, "its header is not a JSON object");
            }

            var tensors = new List<TensorEntry>();
            var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                {
                    ReadMetadata(property.Value, metadata, path);
                }
                else
                {
                    tensors.Add(ReadEntry(property.Name, property.Value, fileSize - dataOffset, path));
                }
            }

            tensors.Sort((a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
            CheckLayout(tensors, fileSize - dataOffset, path);
            return new SafeTensorsHeader(tensors, metadata, dataOffset);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Names that are no valid UTF-8 or UTF-16 show only when they are read, as the second kind.
            throw new SafeTensorsException($"'{path}' is not a usable safetensors file: its header is not valid JSON ({e.Message}). Fetch it again.", e);
        }
    }

    private static void ReadMetadata(JsonElement value, Dictionary<string, string> metadata, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Error(path, "its __metadata__ is not a JSON object");
        }

        foreach (JsonProperty item in value.EnumerateObject())
        {
            metadata[item.Name] = item.Value.ValueKind == JsonValueKind.String
                ? item.Value.GetString()!
                : throw Error(path, $"its metadata '{item.Name}' is not a string");
        }
    }

    private static TensorEntry ReadEntry(string name, JsonElement value, long dataLength, string path)
    {
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out JsonElement shape) || shape.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out JsonElement offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2)
        {
            throw Error(path, $"tensor '{name}' lacks a proper dtype, shape or data_offsets");
        }

        string type = dtype.GetString()!;
        int bits = TensorDtype.Bits(type)
            ?? throw Error(path, $"tensor '{name}' has the unknown dtype '{type}' (known: {string.Join(", ", TensorDtype.Names)})");
        if (shape.GetArrayLength() > MaxDimensions)
        {
            throw Error(path, $"tensor '{name}' has {shape.GetArrayLength()} dimensions; at most {MaxDimensions} are possible");
        }

        var sizes = new long[shape.GetArrayLength()];

        // A size of zero must not hide the overflow of the others.
        UInt128 claimed = (UInt128)bits;
        for (int i = 0; i < sizes.Length; i++)
        {
            sizes[i] = Number(shape[i], name, "shape", path);
            claimed *= (UInt128)Math.Max(1, sizes[i]);
            if (claimed > long.MaxValue)
            {
                throw Error(path, $"tensor '{name}' claims more elements than can exist");
            }
        }

        UInt128 total = sizes.Contains(0) ? 0 : claimed;
        long begin = Number(offsets[0], name, "data_offsets", path), end = Number(offsets[1], name, "data_offsets", path);
        if (begin > end || end > dataLength)
        {
            throw Error(path, $"tensor '{name}' lies at bytes {begin}..{end} of {dataLength} data bytes; the file is truncated or damaged. Fetch it again");
        }

        return (UInt128)(end - begin) * 8 == total
            ? new TensorEntry(name, type, sizes, begin, end)
            : throw Error(path, $"tensor '{name}' of type {type} and shape [{string.Join(", ", sizes)}] needs {total / 8} bytes, but its data_offsets give {end - begin}");
    }

    private static long Number(JsonElement value, string tensor, string what, string path) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= 0
            ? number
            : throw Error(path, $"tensor '{tensor}' has a {what} entry that is not a non-negative whole number");

    // The format wants the data without holes or overlaps: a hole could hide content, an overlap could alias.
    private static void CheckLayout(List<TensorEntry> tensors, long dataLength, string path)
    {
        long at = 0;
        foreach (TensorEntry tensor in tensors)
        {
            if (tensor.Begin != at)
            {
                throw Error(path, $"tensor '{tensor.Name}' begins at byte {tensor.Begin} where {at} is expected (a hole or an overlap)");
            }

            at = tensor.End;
        }

        if (at != dataLength)
        {
            throw Error(path, $"its tensors end at byte {at} of {dataLength} data bytes; the file is truncated, or something was appended");
        }
    }

    private static SafeTensorsException Error(string path, string what) => new($"'{path}' is not a usable safetensors file: {what}.");
}
