using System.Text.Json;
using LoraSharp.Evaluation;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>Group minilm: a real encoder, from texts to sentence vectors and to BERTScore.</summary>
public class MiniLmGoldenTests
{
    [Theory, GoldenCases("minilm")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("minilm", name);
        using IDisposable threads = TestThreads.UseAll();
        using TextEmbedder model = TextEmbedder.Load(golden.ModelFolder(), new LoadOptions { Dtype = TestTypes.Of(golden.Parameters.GetProperty("dtype").GetString()!) });
        switch (golden.Parameters.GetProperty("kind").GetString())
        {
            case "embed":
                CheckEmbeddings(golden, model);
                break;
            case "bertscore":
                CheckScores(golden, model);
                break;
            case var other:
                Assert.Fail($"The runner does not know the kind '{other}'.");
                break;
        }
    }

    private static void CheckEmbeddings(GoldenCase golden, TextEmbedder model)
    {
        golden.RequireKnownParameters("kind", "dtype", "pooling_mode", "normalize_embeddings", "max_length", "truncation", "padding", "hidden_of");
        Assert.True(golden.Parameters.GetProperty("truncation").GetBoolean(), "The runner cuts texts that are too long.");
        Assert.Contains(golden.Parameters.GetProperty("padding").GetString(), new[] { "longest", "max_length" });
        string[] sentences = golden.Inputs.GetProperty("sentences").Deserialize<string[]>()!;
        int length = golden.Parameters.GetProperty("max_length").GetInt32();
        model.Normalize = golden.Parameters.GetProperty("normalize_embeddings").GetBoolean();
        model.Pooling = golden.Parameters.GetProperty("pooling_mode").GetString() switch
        {
            "mean" => TokenPooling.Mean,
            "cls" => TokenPooling.First,
            "max" => TokenPooling.Max,
            "mean_sqrt_len" or "mean_sqrt_len_tokens" => TokenPooling.MeanSqrtLength,
            "weightedmean" => TokenPooling.WeightedMean,
            "lasttoken" => TokenPooling.Last,
            var other => throw new NotSupportedException($"The runner does not know the pooling mode '{other}'."),
        };
        IReadOnlyList<TokenEncoding> encodings = model.EncodeTexts(sentences, length, TestContext.Current.CancellationToken);
        Assert.Equal(golden.Expected.GetProperty("input_ids").Deserialize<int[][]>()!, encodings.Select(encoding => encoding.Ids));
        Assert.Equal(golden.Expected.GetProperty("tokens").Deserialize<string[][]>()!, encodings.Select(encoding => encoding.Tokens));

        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        foreach (int batchSize in new[] { 32, 5, 1 })
        {
            Tensor vectors = model.Embed(sentences, new EmbeddingOptions { MaxLength = length, BatchSize = batchSize }, TestContext.Current.CancellationToken);
            tensors.AssertClose("expected.embeddings", vectors);
            tensors.AssertClose("expected.cosine", TextEmbedder.CosineSimilarity(vectors));
        }

        using var noGrad = no_grad();
        int[] hiddenOf = golden.Parameters.GetProperty("hidden_of").Deserialize<int[]>()!;
        Assert.Equal(hiddenOf.Select(i => $"expected.hidden_{i}").Concat(["expected.cosine", "expected.embeddings"]).Order(), tensors.Names.Order());
        foreach (int i in hiddenOf)
        {
            (Tensor ids, Tensor? mask, Tensor types) = model.Batch([encodings[i]]);
            tensors.AssertClose($"expected.hidden_{i}", model.HiddenStates(ids, mask, types).squeeze(0));
        }
    }

    private static void CheckScores(GoldenCase golden, TextEmbedder model)
    {
        golden.RequireKnownParameters("kind", "dtype", "num_layers", "idf", "rescale_with_baseline", "batch_size", "max_length");
        Assert.False(golden.Parameters.GetProperty("rescale_with_baseline").GetBoolean(), "The runner has no baselines.");
        Assert.Equal(1, golden.Parameters.GetProperty("batch_size").GetInt32());
        var metric = new BertScore(model, new BertScoreOptions
        {
            Layers = golden.Parameters.GetProperty("num_layers").GetInt32(),
            UseIdf = golden.Parameters.GetProperty("idf").GetBoolean(),
            MaxLength = golden.Parameters.GetProperty("max_length").GetInt32(),
        });
        string[] candidates = golden.Inputs.GetProperty("candidates").Deserialize<string[]>()!, references = golden.Inputs.GetProperty("references").Deserialize<string[]>()!;
        TokenWeights weights = metric.Weights(metric.Encode(references, TestContext.Current.CancellationToken));
        foreach (JsonProperty expected in golden.Expected.GetProperty("weights").EnumerateObject())
        {
            int token = expected.Name == "unseen" ? 1 : model.Tokenizer.TokenToId(expected.Name)!.Value;
            GoldenTensors.AssertClose($"weight of {expected.Name}", expected.Value.GetDouble(), weights[token], 1e-12, 1e-12);
        }

        IReadOnlyList<PairScore> scores = metric.Score(candidates, references, TestContext.Current.CancellationToken);
        JsonElement rows = golden.Expected.GetProperty("rows");
        Assert.Equal(rows.GetArrayLength(), scores.Count);
        for (int i = 0; i < scores.Count; i++)
        {
            Check("precision", scores[i].Precision);
            Check("recall", scores[i].Recall);
            Check("f1", scores[i].F1);

            void Check(string what, double actual) =>
                GoldenTensors.AssertClose($"{what} of pair {i}", rows[i].GetProperty(what).GetDouble(), actual, golden.Absolute, golden.Relative);
        }
    }
}
