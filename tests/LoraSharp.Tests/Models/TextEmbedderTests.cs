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

    [Fact]
    public void Texts_become_the_vectors_that_plain_arithmetic_gives()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        SmallBert.Write(folder.Path);
        using TextEmbedder model = TextEmbedder.Load(folder.Path);
        Assert.Equal((16, TokenPooling.Mean, true), (model.MaxLength, model.Pooling, model.Normalize));
        var plain = new PlainBert(folder.Path, layers: 2, heads: 4);
        string[] texts = ["a b c", "", "Hello, Wörld! a", "z", string.Join(' ', Enumerable.Repeat("q", 40)), "unknownword hello"];
        IReadOnlyList<TokenEncoding> encodings = model.EncodeTexts(texts, null, default);
        Assert.Equal([5, 2, 7, 3, 16, 4], encodings.Select(encoding => encoding.Ids.Count));
        double[][] expected = [.. encodings.Select(encoding => Unit(Mean(plain.States(encoding.Ids)[^1])))];
        foreach (int batchSize in new[] { 1, 2, 32 })
        {
            Tensor vectors = model.Embed(texts, new EmbeddingOptions { BatchSize = batchSize });
            Assert.False(vectors.requires_grad);
            GoldenTensors.AssertClose($"batches of {batchSize}", tensor(Flat(expected)).view(texts.Length, -1), vectors, 1e-5, 1e-5);
            double[] cosines = [.. expected.SelectMany(a => expected.Select(b => a.Zip(b, (x, y) => x * y).Sum()))];
            GoldenTensors.AssertClose("cosine", tensor(cosines).view(texts.Length, -1), TextEmbedder.CosineSimilarity(vectors), 1e-5, 1e-5);
        }

        GoldenTensors.AssertClose("prompt", model.Embed(["a b c"]), model.Embed(["b c"], new EmbeddingOptions { Prompt = "a " }), 0, 0);
        GoldenTensors.AssertClose("length", model.Embed(["a"]), model.Embed(["a b c"], new EmbeddingOptions { MaxLength = 3 }), 0, 0);
        Assert.Equal([0, 32], model.Embed([]).shape);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Embed(["a"], new EmbeddingOptions { BatchSize = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Embed(["a"], new EmbeddingOptions { MaxLength = 41 }));
        Assert.Throws<OperationCanceledException>(() => model.Embed(["a", "b"], cancellationToken: new CancellationToken(true)));
        for (int layer = 0; layer <= 2; layer++)
        {
            (Tensor ids, Tensor? mask, Tensor types) = model.Batch([encodings[2]]);
            GoldenTensors.AssertClose(
                $"after layer {layer}", tensor(Flat(plain.States(encodings[2].Ids)[layer])).view(7, -1), model.HiddenStatesAfter(layer, ids, mask, types).squeeze(0), 1e-5, 1e-5);
        }
    }

    [Theory]
    [InlineData(TokenPooling.MeanSqrtLength)]
    [InlineData(TokenPooling.WeightedMean)]
    public void Weighted_sums_follow_their_definition(TokenPooling pooling)
    {
        using var scope = NewDisposeScope();
        using TextEmbedder model = TextEmbedder.Load(GoldenFolder.ModelFolder("bert-pooled")!);
        model.Pooling = pooling;
        using var noGrad = no_grad();
        Tensor ids = tensor(new long[] { 5, 9, 33, 0, 0 }, [1, 5]), mask = tensor(new long[] { 1, 1, 1, 0, 0 }, [1, 5]);
        Tensor alone = ids.narrow(1, 0, 3), hidden = model.HiddenStates(alone)[0];
        Tensor expected = pooling == TokenPooling.WeightedMean
            ? (hidden[0] + (2 * hidden[1]) + (3 * hidden[2])) / 6
            : (hidden[0] + hidden[1] + hidden[2]) / Math.Sqrt(3);
        GoldenTensors.AssertClose("alone", expected.unsqueeze(0), model.Embed(alone), 1e-6, 1e-6);
        GoldenTensors.AssertClose("padded", expected.unsqueeze(0), model.Embed(ids, mask), 1e-5, 1e-5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Half_precision_files_with_old_buffers_and_any_prefix_load_strictly(bool prefix)
    {
        using var folder = new TemporaryFolder();
        SmallBert.Write(folder.Path, half: true, prefix: prefix ? "bert." : "", oldBuffers: true);
        using TextEmbedder model = TextEmbedder.Load(folder.Path, new LoadOptions { Dtype = ScalarType.Float32 });
        Assert.Empty(model.NewTensors);
        using Tensor vectors = model.Embed(["hello a"]);
        Assert.Equal(ScalarType.Float32, vectors.dtype);
        Assert.Equal(1, vectors.norm().item<float>(), 1e-5);
    }

    [Fact]
    public void Modules_that_change_the_vectors_are_not_passed_over()
    {
        using var folder = new TemporaryFolder();
        SmallBert.Write(folder.Path);
        File.WriteAllText(folder.At("modules.json"), """[{"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"}]""");
        Assert.Contains("Dense", Assert.Throws<ModelFormatException>(() => TextEmbedder.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    private static double[] Flat(double[][] rows) => [.. rows.SelectMany(row => row)];

    private static double[] Mean(double[][] rows) => [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Average(row => row[i]))];

    private static double[] Unit(double[] vector)
    {
        double length = Math.Sqrt(vector.Sum(value => value * value));
        return [.. vector.Select(value => value / length)];
    }
}
