using System.Text.Json;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using LoraSharp.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training.Optimizers;

public class OptimizerGoldenTests
{
    [Theory]
    [GoldenCases("optimizer")]
    public void Golden(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        var c = new GoldenCase("optimizer", name);
        switch (c.Parameters.GetProperty("kind").GetString())
        {
            case "steps":
                OptimizerStepsCase.Check(c);
                break;
            case "decay-groups":
                DecayGroups(c);
                break;
            case "clip":
                Clip(c);
                break;
            case "neftune":
                Noise(c);
                break;
            case "label-smoothing":
                Smoothing(c);
                break;
            case var kind:
                Assert.Fail($"{c}: the runner does not know the kind {kind}.");
                break;
        }
    }

    internal static void AssertClose(GoldenCase c, string what, Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        double[] e = [.. expected.to(ScalarType.Float64).reshape(-1).data<double>()];
        double[] a = [.. actual.to(ScalarType.Float64).reshape(-1).data<double>()];
        for (int i = 0; i < e.Length; i++)
        {
            bool close = e[i].Equals(a[i]) || Math.Abs(e[i] - a[i]) <= c.Absolute + (c.Relative * Math.Abs(e[i]));
            Assert.True(close, $"{c}: {what}[{i}] is {a[i]} instead of {e[i]}");
        }
    }

    private static void DecayGroups(GoldenCase c)
    {
        c.RequireKnownParameters("kind");
        JsonElement[] rows = [.. c.Inputs.GetProperty("parameters").EnumerateArray()];
        bool[] decays = [.. rows.Select(row => WeightDecayRule.Decays(row.GetProperty("name").GetString()!, row.GetProperty("module").GetString() == "LayerNorm"))];
        Assert.Equal(c.Expected.GetProperty("decays").Deserialize<bool[]>(), decays);
        bool[] trainable = [.. decays.Where((_, i) => rows[i].GetProperty("requires_grad").GetBoolean())];
        int[] sizes = [trainable.Count(flag => flag), trainable.Count(flag => !flag)];
        Assert.Equal(c.Expected.GetProperty("group_sizes").Deserialize<int[]>(), sizes);
    }

    private static void Clip(GoldenCase c)
    {
        c.RequireKnownParameters("kind", "max_grad_norm");
        using SafeTensorsFile file = SafeTensorsFile.Open(c.TensorsPath);
        Tensor[] gradients = [.. Enumerable.Range(0, file.Tensors.Count(t => t.Name.StartsWith("input.", StringComparison.Ordinal))).Select(i => file.Load($"input.gradient.{i}"))];
        double norm = GradientClipping.Clip(gradients, c.Parameters.GetProperty("max_grad_norm").GetDouble());
        AssertClose(c, "total norm", file.Load("expected.total_norm"), tensor((float)norm));
        for (int i = 0; i < gradients.Length; i++)
        {
            AssertClose(c, $"gradient {i}", file.Load($"expected.gradient.{i}"), gradients[i]);
        }
    }

    private static void Noise(GoldenCase c)
    {
        c.RequireKnownParameters("kind", "neftune_noise_alpha", "seed");
        using SafeTensorsFile file = SafeTensorsFile.Open(c.TensorsPath);
        double alpha = c.Parameters.GetProperty("neftune_noise_alpha").GetDouble();
        Tensor embedding = file.Load("input.embedding");
        double magnitude = Neftune.Magnitude(alpha, embedding.size(1), embedding.size(2));
        Assert.Equal(c.Expected.GetProperty("magnitude").GetDouble(), magnitude, 1e-12);
        random.manual_seed(c.Parameters.GetProperty("seed").GetInt64());
        AssertClose(c, "embedding", file.Load("expected.embedding"), Neftune.AddNoise(embedding, alpha));
    }

    private static void Smoothing(GoldenCase c)
    {
        c.RequireKnownParameters("kind", "label_smoothing_factor", "num_items_in_batch", "shift_labels");
        Assert.True(c.Parameters.GetProperty("shift_labels").GetBoolean());
        using SafeTensorsFile file = SafeTensorsFile.Open(c.TensorsPath);
        Tensor logits = file.Load("input.logits").requires_grad_();
        Tensor labels = file.Load("input.labels");

        // The loss owns the output projection: an identity makes the logits its input.
        long vocabulary = logits.size(2);
        using var head = new Linear(DenseWeight.Frozen(eye(vocabulary)));
        Tensor next = labels.narrow(1, 1, labels.size(1) - 1).reshape(-1);
        Tensor learned = next.ne(-100).nonzero().reshape(-1);
        Tensor rows = logits.narrow(1, 0, labels.size(1) - 1).reshape(-1, vocabulary).index_select(0, learned);
        double items = c.Parameters.GetProperty("num_items_in_batch").Deserialize<double?>() ?? learned.numel();
        double epsilon = c.Parameters.GetProperty("label_smoothing_factor").GetDouble();
        Tensor loss = ChunkedCrossEntropyFunction.Apply(rows, next.index_select(0, learned), head, items, epsilon, out _);
        loss.backward();
        AssertClose(c, "loss", tensor(c.Expected.GetProperty("loss").GetDouble()), loss);
        AssertClose(c, "gradient", file.Load("expected.gradient"), logits.grad!);
    }
}
