using System.Globalization;
using System.Text.Json;

namespace LoraSharp.Files;

/// <summary>Writes the tensors of a model into a folder, in one file or, over <c>maxShardSize</c>, in shards with an index, as transformers names them.</summary>
internal static class CheckpointWriter
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(string folder, IReadOnlyList<TensorSource> tensors, long maxShardBytes)
    {
        List<List<TensorSource>> shards = Split(tensors, maxShardBytes);
        if (shards.Count == 1)
        {
            SafeTensorsWriter.Write(Path.Combine(folder, Checkpoint.SingleFile), shards[0]);
            return;
        }

        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < shards.Count; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors");
            SafeTensorsWriter.Write(Path.Combine(folder, name), shards[i]);
            shards[i].ForEach(tensor => map[tensor.Name] = name);
        }

        var index = new { metadata = new { total_size = tensors.Sum(t => t.Bytes) }, weight_map = map };
        AtomicFile.WriteText(Path.Combine(folder, Checkpoint.IndexFile), JsonSerializer.Serialize(index, Indented) + "\n");
    }

    // In the model's order; a shard is closed before it would grow over the limit. A single tensor over the limit gets a shard of its own.
    private static List<List<TensorSource>> Split(IReadOnlyList<TensorSource> tensors, long maxShardBytes)
    {
        List<List<TensorSource>> shards = [[]];
        long size = 0;
        foreach (TensorSource tensor in tensors)
        {
            if (size + tensor.Bytes > maxShardBytes && shards[^1].Count > 0)
            {
                shards.Add([]);
                size = 0;
            }

            shards[^1].Add(tensor);
            size += tensor.Bytes;
        }

        return shards;
    }
}
