using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Tests.Interop;

public class BackwardTests
{
    [Fact]
    public void An_exception_in_a_backward_pass_reaches_the_caller_and_the_next_pass_works()
    {
        using var scope = NewDisposeScope();
        Tensor x = rand(3).requires_grad_();
        for (int i = 0; i < 3; i++)
        {
            // A node below it must not run on after the failure, and one above must survive the missing gradient.
            Tensor failing = Doubling.Apply(Doubling.Apply(x * 3, fails: true).tanh(), fails: false).sum();
            Assert.Equal("on purpose", Assert.Throws<InvalidDataException>(() => Backward.Run(failing)).Message);
        }

        x.grad = null;
        Backward.Run(Doubling.Apply(Doubling.Apply(x, fails: false), fails: false).sum());
        Assert.True(x.grad!.eq(4).all().item<bool>());
    }

    private sealed class Doubling : SingleTensorFunction<Doubling>
    {
        public override string Name => nameof(Doubling);

        public static Tensor Apply(Tensor x, bool fails) => apply(x, fails);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            ctx.save_data("fails", vars[1]);
            return (Tensor)vars[0] * 2;
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(
            2, grad_output, () => (bool)ctx.get_data("fails") ? throw new InvalidDataException("on purpose") : [grad_output * 2, null]);
    }
}
