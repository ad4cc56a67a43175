using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using LoraSharp.Interop;
using static TorchSharp.torch;

namespace LoraSharp.Files;

/// <summary>Writes safetensors files: in the given order of names, with metadata, atomically, one tensor in memory at a time.</summary>
public static class SafeTensorsWriter
{
    private const int HeaderAlignment = 8;

    /// <summary>Writes tensors that are already in memory.</summary>
    /// <param name="path">The file; an existing one is replaced only when the new one is complete.</param>
    /// <param name="tensors">Names and tensors; written in the reference library's order (widest element types first, then by name).</param>
    /// <param name="metadata">Entries of <c>__metadata__</c>; null writes <c>{"format":"pt"}</c>, which transformers asks for.</param>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Write(path, [.. tensors.Select(pair => TensorSource.Of(pair.Key, pair.Value))], metadata);
    }

    /// <summary>Writes tensors that are made one by one while writing.</summary>
    internal static void Write(string path, IReadOnlyCollection<TensorSource> sources, IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorSource[] ordered = [.. sources.OrderByDescending(s => TensorDtype.Rank(s.Dtype)).ThenBy(s => s.Name, StringComparer.Ordinal)];
        byte[] header = Header(ordered, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (TensorSource source in ordered)
            {
                source.WriteTo(stream);
            }
        });
    }

    private static byte[] Header(TensorSource[] sources, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata)
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            long at = 0;
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (TensorSource source in sources)
            {
                if (!names.Add(source.Name))
                {
                    throw new ArgumentException($"Two tensors are named '{source.Name}'; names in a safetensors file are unique.", nameof(sources));
                }

                json.WriteStartObject(source.Name);
                json.WriteString("dtype", source.Dtype);
                json.WriteStartArray("shape");
                foreach (long size in source.Shape)
                {
                    json.WriteNumberValue(size);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(at += source.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces keep the data aligned, as the reference writer does.
        while (buffer.Length % HeaderAlignment != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        return buffer.ToArray();
    }
}
