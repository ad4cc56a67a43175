using LoraSharp.Interop;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Layers;

/// <summary>
/// The autograd node of a linear layer whose weight cannot be trained: nothing of the input is kept, and the gradient to the input takes the weight
/// from its stored form again.
/// </summary>
internal sealed class FrozenLinearFunction : SingleTensorFunction<FrozenLinearFunction>
{
    private const string LayerKey = "layer";

    public override string Name => nameof(FrozenLinearFunction);

    /// <param name="x">(..., in).</param>
    /// <param name="layer">The layer.</param>
    /// <param name="outputUsed">False: the output's values do not matter and are not computed.</param>
    public static Tensor Apply(Tensor x, Linear layer, bool outputUsed = true)
    {
        // Without a gradient to carry there is no need for a node.
        bool recorded = is_grad_enabled() && (x.requires_grad || layer.Bias is { requires_grad: true });
        return recorded ? apply(x, layer.Bias!, layer, outputUsed) : layer.Weight.Forward(x, layer.Bias);
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var layer = (Linear)vars[2];
        ctx.save_data(LayerKey, layer);
        var x = (Tensor)vars[0];
        return (bool)vars[3] ? layer.Weight.Forward(x, layer.Bias) : empty([.. x.shape[..^1], layer.Weight.OutFeatures], dtype: x.dtype, device: x.device);
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(4, grad_output, () =>
    {
        var layer = (Linear)ctx.get_data(LayerKey);
        return
        [
            layer.Weight.BackwardInput(grad_output),
            layer.Bias is { requires_grad: true } bias ? grad_output.reshape(-1, grad_output.shape[^1]).sum([0L]).to(bias.dtype) : null,
            null,
            null,
        ];
    });
}
