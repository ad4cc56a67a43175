// Cancellation is the subject of one test here, not of the others.
#pragma warning disable xUnit1051
using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

public sealed class SaveTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lorasharp").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("llama-gqa")]
    [InlineData("llama-tied-biases")]
    [InlineData("tied-head-differs")]
    [InlineData("files-bf16")]
    [InlineData("gemma3-text")]
    [InlineData("phi3-fused-window")]
    [InlineData("cohere")]
    [InlineData("gpt2")]
    [InlineData("gpt-neox")]
    [InlineData("opt")]
    [InlineData("falcon-multi-query")]
    [InlineData("mixtral")]
    [InlineData("gpt-oss")]
    [InlineData("qwen2-sequence-classification")]
    [InlineData("bert-masked-lm")]
    [InlineData("bert-token-classification")]
    [InlineData("bert-pooled")]
    [InlineData("roberta-sequence-classification")]
    [InlineData("deberta-v2-conv")]
    [InlineData("modernbert-masked-lm")]
    [InlineData("t5")]
    [InlineData("t5-v1.1-gated")]
    [InlineData("bart")]
    public void A_saved_model_is_the_same_files(string name)
    {
        string source = GoldenFolder.ModelFolder(name)!, target = Path.Combine(_folder, "out");
        using PretrainedModel model = Load(source);
        model.Save(target);
        using Checkpoint expected = Checkpoint.Open(source), actual = Checkpoint.Open(target);
        Assert.Equal(expected.Names.Order(StringComparer.Ordinal), actual.Names.Order(StringComparer.Ordinal));
        Assert.All(expected.Names, tensor => Assert.True(expected.Bytes(tensor).SequenceEqual(actual.Bytes(tensor)), tensor));
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(target, "config.json")))!;
        Assert.Equal(model.Config.Json.Select(pair => pair.Key), config.Select(pair => pair.Key));
        Assert.All(model.Config.Json, pair => Assert.True(JsonNode.DeepEquals(pair.Value, config[pair.Key]), pair.Key));
    }

    [Theory]
    [InlineData("tied-only-head")]
    [InlineData("files-gpt2-no-prefix")]
    [InlineData("files-bert-gamma-beta")]
    [InlineData("config-llama2-old")]
    public void A_model_from_unusual_files_reloads_tensor_for_tensor(string name)
    {
        using PretrainedModel model = Load(GoldenFolder.ModelFolder(name)!);
        model.Save(_folder);
        using PretrainedModel again = Load(_folder);
        Assert.Equal(model.Dtype, again.Dtype);
        AssertSame(model, again);
    }

    [Fact]
    public void Shards_are_split_indexed_and_replaced()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-gqa")!);
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), "{}");
        model.Save(_folder, maxShardSize: "30KB");
        string[] shards = Directory.GetFiles(_folder, "model-*.safetensors");
        Assert.True(shards.Length > 1);
        Assert.All(shards, shard => Assert.True(new FileInfo(shard).Length < 33_000));
        using (CausalLM again = CausalLM.Load(_folder))
        {
            AssertSame(model, again);
        }

        model.Save(_folder);
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], Directory.GetFileSystemEntries(_folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        using CausalLM single = CausalLM.Load(_folder);
        AssertSame(model, single);
    }

    [Fact]
    public void A_type_can_be_asked_for()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-gqa")!);
        model.Save(_folder, dtype: ScalarType.BFloat16);
        using var file = SafeTensorsFile.Open(Path.Combine(_folder, "model.safetensors"));
        Assert.All(file.Tensors, tensor => Assert.Equal("BF16", tensor.Dtype));
        using CausalLM again = CausalLM.Load(_folder);
        Assert.Equal(ScalarType.BFloat16, again.Dtype);
    }

    [Fact]
    public void A_new_head_is_saved_with_its_labels()
    {
        using SequenceClassifier model = SequenceClassifier.Load(GoldenFolder.ModelFolder("llama-gqa")!, new LoadOptions { NumLabels = 5 });
        Assert.Equal(["score.weight"], model.NewTensors);
        Assert.Equal(5, model.Labels.Count);
        model.Save(_folder);
        using SequenceClassifier again = SequenceClassifier.Load(_folder);
        Assert.Empty(again.NewTensors);
        AssertSame(model, again);
        Assert.Equal("LlamaForSequenceClassification", again.Config.List<string>("architectures")!.Single());
    }

    [Fact]
    public void Weights_are_put_back_in_place()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("gpt2")!), changed = CausalLM.Load(GoldenFolder.ModelFolder("gpt2")!);
        model.Save(_folder);
        using (no_grad())
        {
            foreach (Parameter parameter in changed.parameters())
            {
                parameter.mul_(2);
            }
        }

        changed.LoadWeights(_folder);
        AssertSame(model, changed);
    }

    [Fact]
    public void Quantised_layers_are_written_dense()
    {
        string source = GoldenFolder.ModelFolder("llama-gqa")!;
        using CausalLM model = CausalLM.Load(source, new LoadOptions { Quantization = QuantizationConfig.Nf4() });
        model.Save(_folder);
        using CausalLM again = CausalLM.Load(_folder);
        using Tensor ids = tensor(new long[] { 1, 7, 9, 11 }, [1, 4]);
        using var noGrad = no_grad();
        GoldenTensors.AssertClose("logits", model.Logits(ids), again.Logits(ids), 1e-5, 1e-5);
    }

    [Fact]
    public void The_generation_configuration_is_kept()
    {
        string source = Path.Combine(_folder, "source");
        using (CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-gqa")!))
        {
            model.Save(source);
        }

        File.WriteAllText(Path.Combine(source, "generation_config.json"), """{"temperature": 0.6, "eos_token_id": [2, 3]}""");
        string target = Path.Combine(_folder, "target");
        using (CausalLM model = CausalLM.Load(source))
        {
            model.Save(target);
        }

        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse(File.ReadAllText(Path.Combine(source, "generation_config.json"))), JsonNode.Parse(File.ReadAllText(Path.Combine(target, "generation_config.json")))));
    }

    [Fact]
    public void Saving_with_adapters_in_place_is_refused()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-gqa")!);
        model.AddLora(targetModules: ["q_proj"]);
        var error = Assert.Throws<InvalidOperationException>(() => model.Save(Path.Combine(_folder, "out")));
        Assert.Contains("MergeAndUnload", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_cancelled_save_leaves_the_folder_as_it_was()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-gqa")!);
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), "{}");
        Assert.Throws<OperationCanceledException>(() => model.Save(_folder, cancellationToken: new CancellationToken(canceled: true)));
        Assert.Equal(["tokenizer.json"], Directory.GetFileSystemEntries(_folder).Select(path => Path.GetFileName(path)));
    }

    internal static void AssertSame(PretrainedModel expected, PretrainedModel actual)
    {
        Dictionary<string, Parameter> parameters = actual.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var all = expected.named_parameters().ToList();
        Assert.Equal(all.Select(p => p.name), parameters.Keys);
        Assert.All(all, p => Assert.True(p.parameter.dtype == parameters[p.name].dtype && p.parameter.eq(parameters[p.name]).all().item<bool>(), p.name));
    }

    private static PretrainedModel Load(string folder) =>
        ModelTask.Of(JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!["architectures"]![0]!.GetValue<string>())(folder, null);
}
