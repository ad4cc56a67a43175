using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Files;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Files;

public sealed class CheckpointTests : IDisposable
{
    private const string Index = "model.safetensors.index.json";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1_000_000, 1)]
    [InlineData(240, 1)]
    [InlineData(239, 2)]
    [InlineData(80, 3)]
    [InlineData(79, 6)]
    [InlineData(1, 6)]
    public void Tensors_are_split_in_order_and_found_again(long limit, int shards)
    {
        using var scope = NewDisposeScope();
        (string Name, Tensor Value)[] tensors = [.. Enumerable.Range(0, 6).Select(i => ($"layer.{9 - i}.weight", rand(10)))];
        CheckpointWriter.Write(_folder.Path, [.. tensors.Select(t => TensorSource.Of(t.Name, t.Value))], limit);
        Assert.Equal(shards, Directory.GetFiles(_folder.Path, "*.safetensors").Length);
        Assert.Equal(shards > 1, File.Exists(_folder.At(Index)));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*" + AtomicFile.TemporarySuffix));
        using Checkpoint checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(tensors.Select(t => t.Name).Order(StringComparer.Ordinal), checkpoint.Names.Order(StringComparer.Ordinal));
        Assert.All(tensors, t => Assert.True(checkpoint.Load(t.Name).eq(t.Value).all().item<bool>()));
        if (shards > 1)
        {
            JsonNode index = JsonNode.Parse(File.ReadAllText(_folder.At(Index)))!;
            Assert.Equal(240, index["metadata"]!["total_size"]!.GetValue<long>());

            // The model's order decides which shard a tensor is in.
            Assert.Equal($"model-00001-of-{shards:D5}.safetensors", index["weight_map"]!["layer.9.weight"]!.GetValue<string>());
            Assert.Equal($"model-{shards:D5}-of-{shards:D5}.safetensors", index["weight_map"]!["layer.4.weight"]!.GetValue<string>());
        }
    }

    [Theory]
    [InlineData("not json", "not a usable index")]
    [InlineData("[]", "not a usable index")]
    [InlineData("{}", "not a usable index")]
    [InlineData("{\"weight_map\":[]}", "not a usable index")]
    [InlineData("{\"weight_map\":{\"a\":1}}", "not a usable index")]
    [InlineData("{\"weight_map\":{\"a\":null}}", "not a usable index")]
    [InlineData("{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "not a plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "not a plain file name")]
    [InlineData("{\"weight_map\":{\"z\":\"one.safetensors\"}}", "do not belong together")]
    [InlineData("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}", "in both")]
    public void A_hostile_index_is_refused(string index, string message)
    {
        File.WriteAllText(_folder.At(Index), index);
        File.WriteAllBytes(_folder.At("one.safetensors"), SafeTensorsTestFile.Valid);
        File.WriteAllBytes(_folder.At("two.safetensors"), SafeTensorsTestFile.Valid);
        Assert.Contains(message, Assert.Throws<SafeTensorsException>(() => Checkpoint.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_named()
    {
        Assert.Contains("neither model.safetensors nor", Assert.Throws<FileNotFoundException>(() => Checkpoint.Open(_folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.At(Index), JsonSerializer.Serialize(new { weight_map = new { a = "gone.safetensors" } }));
        Assert.Contains("'gone.safetensors'", Assert.Throws<FileNotFoundException>(() => Checkpoint.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4GB", 4_000_000_000)]
    [InlineData(" 500 mb ", 500_000_000)]
    [InlineData("1.5KB", 1_500)]
    [InlineData("2GiB", 2_147_483_648)]
    [InlineData("0.5KiB", 512)]
    [InlineData("7B", 7)]
    [InlineData("9223372036854775807B", long.MaxValue)]
    public void Sizes_are_read(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("4")]
    [InlineData("-4GB")]
    [InlineData("0GB")]
    [InlineData("0.1B")]
    [InlineData("4TB")]
    [InlineData("4,5GB")]
    [InlineData("1e3GB")]
    [InlineData("9223372036854775808B")]
    [InlineData("79228162514264337593543950335GB")]
    public void Other_texts_are_no_sizes(string text) =>
        Assert.Contains("for example 4GB", Assert.Throws<FormatException>(() => ByteSize.Parse(text)).Message, StringComparison.Ordinal);
}
