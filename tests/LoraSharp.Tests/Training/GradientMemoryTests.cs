using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training;

public sealed class GradientMemoryTests
{
    [Fact]
    public void Gradients_are_summed_in_place_and_parameters_without_one_have_none()
    {
        using var scope = NewDisposeScope();
        Tensor used = ones(3, requires_grad: true), unused = ones(5, requires_grad: true), zeroed = ones(2, 2, dtype: ScalarType.BFloat16, requires_grad: true);
        using var memory = new GradientMemory([new ParameterGroup([new("used", used), new("unused", unused), new("zeroed", zeroed)], 0.1)]);
        for (int step = 0; step < 2; step++)
        {
            memory.Clear();
            Assert.All(new[] { used, unused, zeroed }, p => Assert.True(p.grad!.eq(0).all().item<bool>()));
            (used * 2).sum().backward();
            ((used * 3).sum() + (zeroed * 0).sum()).backward();
            memory.HideUnused();
            Assert.Equal([5f, 5f, 5f], used.grad!.data<float>().ToArray());
            Assert.Null(unused.grad);

            // A gradient that is zero is one: it decays and moves the moments.
            Assert.NotNull(zeroed.grad);
        }

        memory.Dispose();
        Assert.Null(used.grad);
    }
}
