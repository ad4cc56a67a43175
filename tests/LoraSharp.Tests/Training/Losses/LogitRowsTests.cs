using LoraSharp.Tests.Quantization;
using LoraSharp.Training;
using LoraSharp.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training.Losses;

/// <summary>The two-pass cross entropy against the tensor operators.</summary>
public sealed class LogitRowsTests
{
    [Theory]
    [InlineData(ScalarType.Float32, 5, 0.0)]
    [InlineData(ScalarType.Float32, 4999, 0.1)]
    [InlineData(ScalarType.BFloat16, 3000, 0.0)]
    [InlineData(ScalarType.BFloat16, 70, 0.2)]
    public void Rows_give_the_operators_loss_metrics_and_gradient(ScalarType type, int vocabulary, double smoothing) => QuantizationAssert.InEveryForm(_ =>
    {
        using var scope = NewDisposeScope();
        manual_seed(vocabulary);
        Tensor logits = (randn([6, vocabulary]) * 5).to(type), targets = randint(0, vocabulary, 6);
        logits[2] = logits[2] * 0 + 3;
        Tensor wide = logits.to(ScalarType.Float64).requires_grad_(true), log = wide.log_softmax(-1), p = log.exp();
        Tensor each = log.gather(1, targets.unsqueeze(1)).neg().sum() * (1 - smoothing) - (log.mean([-1]).sum() * smoothing);
        (each * 0.25).backward();
        double entropy = -(p * log).sum().item<double>();
        long correct = wide.argmax(-1).eq(targets).sum().item<long>();

        var rows = new LogitRows(logits, targets);
        var sums = rows.Measure();
        Assert.Equal(each.item<double>(), ((1 - smoothing) * sums.Nll) + (smoothing * sums.Uniform), Math.Abs(each.item<double>()) * 1e-5);
        Assert.Equal(entropy, sums.Entropy, Math.Max(1e-4, entropy * 1e-4));
        Assert.Equal(correct, sums.Correct);
        rows.ToGradient(0.25f, (float)smoothing);
        double distance = (logits.to(ScalarType.Float64) - wide.grad!).abs().max().item<double>();
        Assert.InRange(distance, 0, type == ScalarType.Float32 ? 1e-6 : 1e-3);
    });

    [Fact]
    public void NaN_shows_in_the_loss()
    {
        using var scope = NewDisposeScope();
        Tensor logits = zeros([2, 50]);
        logits[1, 49] = float.NaN;
        Assert.True(double.IsNaN(new LogitRows(logits, zeros(2, dtype: ScalarType.Int64)).Measure().Nll));
    }

    [Theory]
    [InlineData(50)]
    [InlineData(-1)]
    public void A_label_outside_of_the_vocabulary_is_named(long label)
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<TrainingException>(() => new LogitRows(zeros([1, 50]), tensor(new[] { label })).Measure());
        Assert.Contains($"{label}", error.Message, StringComparison.Ordinal);
        Assert.Contains("50 tokens", error.Message, StringComparison.Ordinal);
    }
}
