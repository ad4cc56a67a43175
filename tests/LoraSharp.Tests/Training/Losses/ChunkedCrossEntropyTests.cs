using LoraSharp.Layers;
using LoraSharp.Tests.Golden;
using LoraSharp.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training.Losses;

public class ChunkedCrossEntropyTests
{
    // More rows than a chunk has, so that the gradients of several are added up.
    [Theory]
    [InlineData(3, 0.0)]
    [InlineData(3, 0.2)]
    [InlineData(1500, 0.0)]
    [InlineData(1500, 0.1)]
    public void Loss_and_gradients_are_those_of_plain_operators(int count, double smoothing)
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        Tensor rows = randn(count, 6).requires_grad_(), targets = randint(9, count), weight = randn(9, 6), bias = randn(9);
        var head = new Linear(new DenseWeight(new Parameter(weight.clone())), new Parameter(bias.clone()));
        Tensor loss = ChunkedCrossEntropyFunction.Apply(rows, targets, head, count, smoothing, out TokenMetrics metrics);
        loss.backward();

        Tensor rows2 = rows.detach().clone().requires_grad_(), weight2 = weight.requires_grad_(), bias2 = bias.requires_grad_();
        Tensor logits = nn.functional.linear(rows2, weight2, bias2);
        Tensor expected = nn.functional.cross_entropy(logits, targets, label_smoothing: smoothing);
        expected.backward();
        Assert.Equal(expected.item<float>(), loss.item<float>(), 1e-4);
        Assert.Equal(logits.argmax(-1).eq(targets).to(ScalarType.Float64).mean().item<double>(), metrics.Accuracy, 1e-9);
        GoldenTensors.AssertClose("rows", rows2.grad!, rows.grad!, 1e-6, 1e-4);
        GoldenTensors.AssertClose("weight", weight2.grad!, head.Weight.Parameter!.grad!, 1e-5, 1e-4);
        GoldenTensors.AssertClose("bias", bias2.grad!, head.Bias!.grad!, 1e-5, 1e-4);
    }
}
