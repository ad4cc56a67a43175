using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Adapters.Lora;

/// <summary>
/// A whole LoRA-adapted linear layer as one autograd node: y = x·Wᵀ + b + s·(x·Aᵀ)·Bᵀ. Kept for the backward pass: the input, the rank-sized product (scaled) and, with dropout, its
/// mask; the frozen weight is taken from its stored form again. Rank-sized products come first, so no (out, in) matrix is formed for the adapter.
/// </summary>
internal sealed class LoraLinearFunction : SingleTensorFunction<LoraLinearFunction>
{
    private const string AdapterKey = "adapter", LayerKey = "layer", InputGradKey = "input";

    public override string Name => nameof(LoraLinearFunction);

    public static Tensor Apply(Tensor x, LoraLinear adapter, Layers.Linear layer)
    {
        // Without a gradient to carry there is no need for a node.
        if (is_grad_enabled() && (x.requires_grad || adapter.A.requires_grad || adapter.B.requires_grad || layer.Bias is { requires_grad: true }))
        {
            return apply(x, adapter.A, adapter.B, layer.Bias!, adapter, layer);
        }

        using var scope = NewDisposeScope();
        return Compute(x, adapter, layer, rounded: true).Output.MoveToOuterDisposeScope();
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var x = (Tensor)vars[0];
        var adapter = (LoraLinear)vars[4];
        var layer = (Layers.Linear)vars[5];
        using var scope = NewDisposeScope();
        (Tensor output, Tensor low, Tensor? mask) = Compute(x, adapter, layer, rounded: false);
        var saved = new List<Tensor> { x, low.MoveToOuterDisposeScope() };
        if (mask is not null)
        {
            saved.Add(mask.MoveToOuterDisposeScope());
        }

        ctx.save_for_backward(saved);
        ctx.save_data(AdapterKey, adapter);
        ctx.save_data(LayerKey, layer);
        ctx.save_data(InputGradKey, x.requires_grad);
        return output.MoveToOuterDisposeScope();
    }

    // The scaling goes into the rank-sized product, where it costs nothing. Rounded: in a half-precision layer the second product is one of that precision too.
    private static (Tensor Output, Tensor Low, Tensor? Mask) Compute(Tensor x, LoraLinear adapter, Layers.Linear layer, bool rounded)
    {
        Tensor rows = x.reshape(-1, x.shape[^1]);
        Tensor y = layer.Weight.Forward(rows, layer.Bias), input = rows.to(adapter.A.dtype);
        Tensor? mask = null;
        if (adapter.training && adapter.Dropout > 0)
        {
            // 1 byte an element; the scale of what is kept is applied where the mask is used.
            mask = rand_like(input, dtype: ScalarType.Float32).ge(adapter.Dropout);
            input = (input * mask).div_(1 - adapter.Dropout);
        }

        Tensor low = input.matmul(adapter.A.t()).mul_(adapter.Scaling);

        // While training the sum is formed in float32 and rounded once. Without training, the update's rounding is finer than that of the layer's own output,
        // and a product that adds in place takes half the time.
        Tensor output = y.dtype == low.dtype ? y.addmm_(low, adapter.B.t(), 1, 1)
            : rounded ? y.addmm_(low.to(y.dtype), adapter.B.to(y.dtype).t(), 1, 1)
            : y.add_(low.matmul(adapter.B.t()));
        return (output.view([.. x.shape[..^1], layer.Weight.OutFeatures]), low, mask);
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(6, () =>
    {
        var adapter = (LoraLinear)ctx.get_data(AdapterKey);
        var layer = (Layers.Linear)ctx.get_data(LayerKey);
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor x = saved[0], low = saved[1];
        Tensor gradRows = grad_output.reshape(-1, grad_output.shape[^1]);
        Tensor grad = gradRows.to(adapter.A.dtype);
        Tensor? mask = saved.Count > 2 ? saved[2] : null;
        double kept = 1 / (1 - adapter.Dropout);

        Tensor gradLow = grad.matmul(adapter.B).mul_(adapter.Scaling);
        Tensor gradB = grad.t().matmul(low);
        Tensor input = x.reshape(-1, x.shape[^1]).to(adapter.A.dtype);
        Tensor gradA = mask is null ? gradLow.t().matmul(input) : gradLow.t().matmul(input * mask).mul_(kept);

        Tensor? gradX = null;
        if ((bool)ctx.get_data(InputGradKey))
        {
            Tensor update = gradLow.matmul(adapter.A);
            if (mask is not null)
            {
                update = update.mul_(mask).mul_(kept);
            }

            gradX = layer.Weight.BackwardInput(gradRows);
            gradX = (gradX.dtype == update.dtype ? gradX.add_(update) : gradX + update.to(gradX.dtype)).view(x.shape);
        }

        Tensor? gradBias = layer.Bias is { requires_grad: true } bias ? gradRows.sum([0L]).to(bias.dtype) : null;
        return [gradX, gradA, gradB, gradBias, null, null];
    });
}
