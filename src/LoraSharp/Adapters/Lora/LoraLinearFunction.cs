using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Adapters.Lora;

/// <summary>
/// A whole LoRA-adapted linear layer as one autograd node: y = x·Wᵀ + b + s·(x·Aᵀ)·Bᵀ. Kept for the backward pass: the input, the rank-sized product and, with dropout, its
/// mask; the frozen weight is taken from its stored form again. Rank-sized products come first, so no (out, in) matrix is formed for the adapter.
/// </summary>
internal sealed class LoraLinearFunction : SingleTensorFunction<LoraLinearFunction>
{
    private const string AdapterKey = "adapter", LayerKey = "layer", InputGradKey = "input";

    public override string Name => nameof(LoraLinearFunction);

    public static Tensor Apply(Tensor x, LoraLinear adapter, Layers.Linear layer) => apply(x, adapter.A, adapter.B, layer.Bias!, adapter, layer);

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var x = (Tensor)vars[0];
        var adapter = (LoraLinear)vars[4];
        var layer = (Layers.Linear)vars[5];
        using var scope = NewDisposeScope();
        Tensor rows = x.reshape(-1, x.shape[^1]);
        Tensor y = layer.Weight.Forward(rows, layer.Bias);
        Tensor input = rows.to(adapter.A.dtype);
        var saved = new List<Tensor> { x };
        Tensor? mask = null;
        if (adapter.training && adapter.Dropout > 0)
        {
            // 1 byte an element; the scale of what is kept is applied where the mask is used.
            mask = rand_like(input, dtype: ScalarType.Float32).ge(adapter.Dropout);
            input = (input * mask).div_(1 - adapter.Dropout);
        }

        Tensor low = input.matmul(adapter.A.t());
        Tensor update = low.matmul(adapter.B.t());
        Tensor output = (y.dtype == update.dtype ? y.add_(update, adapter.Scaling) : (y + update.mul_(adapter.Scaling).to(y.dtype)))
            .view([.. x.shape[..^1], layer.Weight.OutFeatures]);
        saved.Add(low.MoveToOuterDisposeScope());
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
        Tensor gradB = grad.t().matmul(low).mul_(adapter.Scaling);
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
