using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters.Files;
using LoraSharp.Files;

namespace LoraSharp.Tests.Adapters;

/// <summary>Compares a saved adapter folder with the reference's, file by file.</summary>
internal static class AdapterFolderAssert
{
    /// <param name="expected">The reference's folder.</param>
    /// <param name="actual">The folder that was written.</param>
    /// <param name="pythonOnly">Keys that name a Python class and are kept only where they were read.</param>
    public static void Equal(string expected, string actual, params string[] pythonOnly)
    {
        using (SafeTensorsFile ours = SafeTensorsFile.Open(Path.Combine(actual, AdapterFiles.WeightsFile)), theirs = SafeTensorsFile.Open(Path.Combine(expected, AdapterFiles.WeightsFile)))
        {
            // Names, types, shapes, order and bytes.
            Assert.Equal(theirs.Metadata, ours.Metadata);
            Assert.Equal(theirs.Tensors.Select(Describe), ours.Tensors.Select(Describe));
            foreach (TensorEntry tensor in theirs.Tensors)
            {
                Assert.True(theirs.Bytes(tensor.Name).SequenceEqual(ours.Bytes(tensor.Name)), tensor.Name);
            }
        }

        var wanted = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(expected, AdapterFiles.ConfigFile)))!;
        var written = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(actual, AdapterFiles.ConfigFile)))!;
        Assert.Equal(wanted.Select(p => p.Key), written.Select(p => p.Key));
        foreach (var (key, value) in wanted.Where(pair => !pythonOnly.Contains(pair.Key)))
        {
            Assert.True(JsonNode.DeepEquals(value, written[key]), $"{key}: {written[key]?.ToJsonString() ?? "null"}, expected {value?.ToJsonString() ?? "null"}");
        }

        Assert.True(File.Exists(Path.Combine(actual, "README.md")), "the model card");
    }

    private static string Describe(TensorEntry tensor) => $"{tensor.Name} {tensor.Dtype} [{string.Join(",", tensor.Shape)}] at {tensor.Begin}";

    /// <summary>A configuration as the library writes it.</summary>
    public static string Json(AdapterConfig config)
    {
        var writer = new ConfigWriter();
        config.Method.Write(config, writer);
        return JsonSerializer.Serialize(writer.ToJson());
    }
}
