using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

public class TextEmbedderTests
{
    [Fact]
    public void Padding_changes_nothing_and_pooling_follows_its_definition()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using TextEmbedder model = TextEmbedder.Load(GoldenFolder.ModelFolder("bert-pooled")!);
        Tensor ids = tensor(new long[] { 5, 9, 33, 0, 0 }, [1, 5]), mask = tensor(new long[] { 1, 1, 1, 0, 0 }, [1, 5]);
        Tensor alone = ids.narrow(1, 0, 3), hidden = model.HiddenStates(alone);
        foreach (var (pooling, expected) in new[]
        {
            (TokenPooling.Mean, hidden.mean([1])),
            (TokenPooling.First, hidden.select(1, 0)),
            (TokenPooling.Max, hidden.amax([1])),
            (TokenPooling.Last, hidden.select(1, 2)),
        })
        {
            model.Pooling = pooling;
            GoldenTensors.AssertClose($"{pooling}", expected, model.Embed(alone), 1e-6, 1e-6);
            GoldenTensors.AssertClose($"{pooling}, padded", expected, model.Embed(ids, mask), 1e-5, 1e-5);
        }

        model.Normalize = true;
        GoldenTensors.AssertClose("length", 1, model.Embed(ids, mask).norm().item<float>(), 1e-5, 0);
    }

    [Fact]
    public void Sentence_transformers_settings_are_read()
    {
        using var folder = new TemporaryFolder();
        using (TextEmbedder model = TextEmbedder.Load(GoldenFolder.ModelFolder("bert-pooled")!))
        {
            Assert.Equal((TokenPooling.Mean, false), (model.Pooling, model.Normalize));
            model.Save(folder.Path, cancellationToken: TestContext.Current.CancellationToken);
        }

        Directory.CreateDirectory(Path.Combine(folder.Path, "1_Pooling"));
        File.WriteAllText(Path.Combine(folder.Path, "modules.json"), """
            [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}, {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
             {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
            """);
        File.WriteAllText(Path.Combine(folder.Path, "1_Pooling", "config.json"), """{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}""");
        using TextEmbedder again = TextEmbedder.Load(folder.Path);
        Assert.Equal((TokenPooling.First, true), (again.Pooling, again.Normalize));
        File.WriteAllText(Path.Combine(folder.Path, "1_Pooling", "config.json"), """{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}""");
        Assert.Throws<ModelFormatException>(() => TextEmbedder.Load(folder.Path));
    }

    [Theory]
    [InlineData("bert-masked-lm")]
    [InlineData("roberta-sequence-classification")]
    [InlineData("llama-gqa")]
    [InlineData("gpt2")]
    public void Models_with_heads_give_vectors_too(string name)
    {
        using TextEmbedder model = TextEmbedder.Load(GoldenFolder.ModelFolder(name)!);
        using Tensor ids = tensor(new long[] { 5, 9, 33 }, [1, 3]);
        using Tensor vectors = model.Embed(ids);
        Assert.Equal([1, 32], vectors.shape);
    }
}
