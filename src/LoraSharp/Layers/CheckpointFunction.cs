using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Layers;

/// <summary>
/// Gradient checkpointing (Chen et al. 2016): a block keeps its input only and runs again in the backward pass. What the block's parameters get is added to their
/// gradients there. The random generator is put back first, so that dropout drops the same.
/// </summary>
internal sealed class CheckpointFunction : SingleTensorFunction<CheckpointFunction>
{
    private const string BlockKey = "block", CausalKey = "causal", InputGradKey = "input";

    public override string Name => nameof(CheckpointFunction);

    /// <param name="x">The block's input.</param>
    /// <param name="context">What the block needs besides; its tensors are kept for the backward pass, whatever scope they are in.</param>
    /// <param name="block">Computes the output; called again in the backward pass.</param>
    /// <param name="trigger">A tensor that requires a gradient, so that the node is recorded even when x does not.</param>
    public static Tensor Apply(Tensor x, AttentionContext context, nn.Module<Tensor, AttentionContext, Tensor> block, Tensor trigger) => apply(x, trigger, block, context);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var x = (Tensor)vars[0];
        var block = (nn.Module<Tensor, AttentionContext, Tensor>)vars[2];
        var context = (AttentionContext)vars[3];
        ctx.save_for_backward([x, get_rng_state(), context.Cos, context.Sin, .. context.Mask is { } mask ? [mask] : Array.Empty<Tensor>()]);
        ctx.save_data(BlockKey, block);
        ctx.save_data(CausalKey, context.IsCausal);
        ctx.save_data(InputGradKey, x.requires_grad);
        return block.call(x, context);
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(4, () =>
    {
        var block = (nn.Module<Tensor, AttentionContext, Tensor>)ctx.get_data(BlockKey);
        List<Tensor> saved = ctx.get_saved_variables();
        var context = new AttentionContext(saved[2], saved[3], saved.Count > 4 ? saved[4] : null, (bool)ctx.get_data(CausalKey), null);
        Tensor x = saved[0].detach().requires_grad_((bool)ctx.get_data(InputGradKey));
        Tensor now = get_rng_state();
        set_rng_state(saved[1]);
        using (enable_grad())
        {
            block.call(x, context).backward([grad_output]);
        }

        set_rng_state(now);
        return [x.requires_grad ? x.grad : null, null, null, null];
    });
}
