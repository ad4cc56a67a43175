using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Layers;

/// <summary>A layer of a model: a function of its input and of what all layers share.</summary>
internal interface ILayer
{
    /// <summary>(B, T, hidden) → (B, T, hidden).</summary>
    Tensor Forward(Tensor x, AttentionContext context);
}

/// <summary>
/// Gradient checkpointing (Chen et al. 2016): a layer keeps its input only and runs again in the backward pass. What the layer's parameters get is added to their
/// gradients there. The random generator is put back first, so that dropout drops the same.
/// </summary>
internal sealed class CheckpointFunction : SingleTensorFunction<CheckpointFunction>
{
    private const string LayerKey = "layer", ContextKey = "context", NeedsKey = "needs";

    public override string Name => nameof(CheckpointFunction);

    /// <param name="x">The layer's input.</param>
    /// <param name="context">What the layer needs besides; its tensors are kept for the backward pass, whatever scope they are in, and get their gradients.</param>
    /// <param name="layer">Computes the output; called again in the backward pass.</param>
    /// <param name="trigger">A tensor that requires a gradient, so that the node is recorded even when x does not.</param>
    public static Tensor Apply(Tensor x, AttentionContext context, ILayer layer, Tensor trigger) => apply([layer, context, trigger, x, .. context.Tensors]);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var layer = (ILayer)vars[0];
        var context = (AttentionContext)vars[1];
        Tensor[] inputs = [.. vars.Skip(3).Cast<Tensor>()];
        ctx.save_for_backward([get_rng_state(), .. inputs]);
        ctx.save_data(LayerKey, layer);

        // Says which tensors there are; the tensors themselves may be gone by then, and the saved ones take their places.
        ctx.save_data(ContextKey, context);
        ctx.save_data(NeedsKey, inputs.Select(input => input.requires_grad).ToArray());
        return layer.Forward(inputs[0], context.With(inputs.AsSpan(1)));
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output)
    {
        var needs = (bool[])ctx.get_data(NeedsKey);
        return Backward.Guard(3 + needs.Length, grad_output, () =>
        {
            var layer = (ILayer)ctx.get_data(LayerKey);
            List<Tensor> saved = ctx.get_saved_variables();
            Tensor[] inputs = [.. needs.Select((need, i) => saved[i + 1].detach().requires_grad_(need))];
            AttentionContext context = ((AttentionContext)ctx.get_data(ContextKey)).With(inputs.AsSpan(1)) with { ForBackward = true };
            Tensor now = get_rng_state();
            set_rng_state(saved[0]);
            using (enable_grad())
            {
                layer.Forward(inputs[0], context).backward([grad_output]);
            }

            set_rng_state(now);
            return [null, null, null, .. inputs.Select((input, i) => needs[i] ? input.grad : null)];
        });
    }
}
