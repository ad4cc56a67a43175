using LoraSharp.Evaluation;
using LoraSharp.Tests.Golden;
using LoraSharp.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Evaluation;

public class BertScoreTests
{
    private static readonly string[] Candidates = ["a b c", "hello world", "z", "", "d d e"];
    private static readonly string[] References = ["a c", "  hello world ", "a b z !", "x y", "f g a"];

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public void Scores_are_those_of_plain_arithmetic(bool idf, int layers)
    {
        using var folder = new TemporaryFolder();
        SmallBert.Write(folder.Path);
        using TextEmbedder model = TextEmbedder.Load(folder.Path);
        IReadOnlyList<PairScore> scores = new BertScore(model, new BertScoreOptions { UseIdf = idf, Layers = layers }).Score(Candidates, References);
        var plain = new PlainBert(folder.Path, layers: 2, heads: 4);
        int[][] references = [.. References.Select(text => model.Tokenizer.EncodeToIds(text.Trim()).ToArray())];
        double Weight(int token) => idf
            ? Math.Log((references.Length + 1.0) / (references.Count(reference => reference.Contains(token)) + 1))
            : token is 2 or 3 ? 0 : 1;
        for (int i = 0; i < scores.Count; i++)
        {
            int[] candidate = [.. model.Tokenizer.EncodeToIds(Candidates[i].Trim())];
            double[][] c = plain.States(candidate)[layers], r = plain.States(references[i])[layers];
            double precision = Mean(candidate, c.Select(a => r.Max(b => Cosine(a, b)))), recall = Mean(references[i], r.Select(a => c.Max(b => Cosine(a, b))));
            (double p, double q) = candidate.Length == 2 ? (0, 0) : (precision, recall);
            GoldenTensors.AssertClose($"precision {i}", p, scores[i].Precision, 1e-5, 0);
            GoldenTensors.AssertClose($"recall {i}", q, scores[i].Recall, 1e-5, 0);
            GoldenTensors.AssertClose($"F1 {i}", p == 0 ? 0 : 2 * p * q / (p + q), scores[i].F1, 1e-5, 0);
        }

        Assert.Equal(1, scores[1].F1, 1e-5);
        Assert.Equal(default, scores[3]);

        double Mean(int[] tokens, IEnumerable<double> best) => tokens.Zip(best, (token, value) => Weight(token) * value).Sum() / tokens.Sum(Weight);
        static double Cosine(double[] a, double[] b) => Dot(a, b) / Math.Sqrt(Dot(a, a) * Dot(b, b));
        static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
    }

    [Theory]
    [InlineData("bert-score")]
    [InlineData("bert-score-idf")]
    public void Vectors_with_padding_give_the_packages_scores(string name)
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(GoldenFolder.Root, "metric", name)), "The case is not among the golden cases.");
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(new GoldenCase("metric", name));
        (Tensor precision, Tensor recall, Tensor f1) = BertScore.Match(
            tensors["input.hypothesis_embeddings"], tensors["input.hypothesis_weights"], tensors["input.reference_embeddings"], tensors["input.reference_weights"],
            tensors["input.hypothesis_mask"], tensors["input.reference_mask"]);
        tensors.AssertClose("expected.precision", precision);
        tensors.AssertClose("expected.recall", recall);
        tensors.AssertClose("expected.f1", f1);
    }

    [Fact]
    public void A_baseline_moves_unrelated_texts_to_zero_and_bad_input_is_refused()
    {
        using var folder = new TemporaryFolder();
        SmallBert.Write(folder.Path);
        using TextEmbedder model = TextEmbedder.Load(folder.Path);
        PairScore raw = new BertScore(model).Score(["a b"], ["a c"])[0];
        PairScore moved = new BertScore(model, new BertScoreOptions { Baseline = raw with { F1 = 0.5 } }).Score(["a b"], ["a c"])[0];
        Assert.Equal((0, 0, (raw.F1 - 0.5) / 0.5), (moved.Precision, moved.Recall, moved.F1));
        Assert.Throws<ArgumentException>(() => new BertScore(model).Score(["a"], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BertScore(model, new BertScoreOptions { Layers = 3 }).Score(["a"], ["b"]));
        Assert.Empty(new BertScore(model).Score([], []));
    }
}
