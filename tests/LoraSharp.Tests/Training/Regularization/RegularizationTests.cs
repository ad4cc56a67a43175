using LoraSharp.CrashHost;
using LoraSharp.Data;
using LoraSharp.Training;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training;

public class RegularizationTests
{
    [Fact]
    public void Noise_stays_within_its_magnitude_and_fills_it()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        Tensor noisy = Neftune.AddNoise(zeros(4, 50, 32), 5);
        double magnitude = 5 / Math.Sqrt(50 * 32);
        Assert.InRange(noisy.abs().max().item<float>(), 0.98 * magnitude, magnitude);
        Assert.Equal(0, noisy.mean().item<float>(), 0.01 * 1);
        Assert.Equal(magnitude / Math.Sqrt(3), noisy.std().item<float>(), 0.02 * magnitude);
    }

    [Fact]
    public void Noise_acts_in_training_only_and_resumes()
    {
        double plain, noisy, evaluated;
        byte[] whole;
        using (var run = new TinyRun())
        {
            plain = run.Train().LogHistory[0]["loss"];
        }

        using (var run = new TinyRun())
        {
            evaluated = run.Trainer(TinyTraining.Rows(2)).Evaluate()["eval_loss"];
        }

        using (var run = new TinyRun())
        {
            run.Options = run.Options with { NeftuneNoiseAlpha = 20, SaveStrategy = StepStrategy.Steps, SaveSteps = 2 };
            Assert.Equal(evaluated, run.Trainer(TinyTraining.Rows(2)).Evaluate()["eval_loss"]);
            noisy = run.Train().LogHistory[0]["loss"];
            whole = run.Adapter();
            run.Train(Path.Combine(run.Output, "checkpoint-2"));
            Assert.Equal(whole, run.Adapter());
        }

        Assert.NotEqual(plain, noisy);
        Assert.Equal(plain, noisy, 1.0);
    }

    [Theory]
    [InlineData("mixtral")]
    [InlineData("qwen3-moe")]
    public void The_routers_loss_is_added_by_its_weight(string name)
    {
        IReadOnlyDictionary<string, double> without = First(0, 1), with = First(0.5, 1), accumulated = First(0.5, 2);
        Assert.False(without.ContainsKey("aux_loss"));
        Assert.Equal(without["loss"] + (0.5 * with["aux_loss"]), with["loss"], 1e-4);
        Assert.NotEqual(without["grad_norm"], with["grad_norm"], 1e-4);

        // A mean over the window: it does not grow with the number of micro-batches.
        Assert.Equal(without["loss"] + (0.5 * accumulated["aux_loss"]), accumulated["loss"], 1e-3);

        IReadOnlyDictionary<string, double> First(double factor, int accumulation)
        {
            using var run = new TinyRun(model: name, targets: new[] { "q_proj", "v_proj" });
            var random = new Random(5);
            int vocabulary = run.Model.Config.Integer("vocab_size");
            TokenizedRow[] rows = [.. Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, 12).Select(_ => random.Next(3, vocabulary)).ToArray()).Select(ids => new TokenizedRow(ids, ids))];
            SftOptions options = run.Options with { MaxSteps = 1, BatchSize = 4 / accumulation, GradientAccumulationSteps = accumulation, RouterLossFactor = factor };
            return new SftTrainer(run.Model, null, rows, null, options).Train().LogHistory[0];
        }
    }

    [Fact]
    public void A_weight_for_routers_that_are_not_there_is_refused()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { RouterLossFactor = 0.1 };
        Assert.Contains("has no routers", Assert.Throws<TrainingException>(() => run.Train()).Message, StringComparison.Ordinal);
    }
}
