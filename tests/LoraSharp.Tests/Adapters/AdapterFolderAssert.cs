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

        EqualConfig(expected, actual, pythonOnly);
        Assert.True(File.Exists(Path.Combine(actual, "README.md")), "the model card");
    }

    /// <summary>Compares the configurations: keys in their order, and values.</summary>
    public static void EqualConfig(string expected, string actual, params string[] except)
    {
        var wanted = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(expected, AdapterFiles.ConfigFile)))!;
        var written = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(actual, AdapterFiles.ConfigFile)))!;
        Assert.Equal(wanted.Select(p => p.Key), written.Select(p => p.Key));
        foreach (var (key, value) in wanted.Where(pair => !except.Contains(pair.Key)))
        {
            Assert.True(JsonNode.DeepEquals(value, written[key]), $"{key}: {written[key]?.ToJsonString() ?? "null"}, expected {value?.ToJsonString() ?? "null"}");
        }
    }

    private static string Describe(TensorEntry tensor) => $"{tensor.Name} {tensor.Dtype} [{string.Join(",", tensor.Shape)}] at {tensor.Begin}";
}
