using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Adapters.Lora;

/// <summary>
/// A whole LoRA-adapted linear layer as one autograd node: y = x·Wᵀ + b + s·(x·Aᵀ)·Bᵀ. Kept for the backward pass: the input, the rank-sized product and matrices and, with dropout, its
/// mask; the frozen weight is taken from its stored form again. Rank-sized products come first, so no (out, in) matrix is formed for the adapter.
/// </summary>
internal sealed class LoraLinearFunction : SingleTensorFunction<LoraLinearFunction>
{
    private const string AdapterKey = "adapter", LayerKey = "layer", InputGradKey = "input";

    public override string Name => nameof(LoraLinearFunction);

    /// <param name="x">(..., in).</param>
    /// <param name="adapter">A and B.</param>
    /// <param name="layer">The frozen layer.</param>
    /// <param name="outputUsed">False: only gradients will be asked for, and the output's values are not computed.</param>
    public static Tensor Apply(Tensor x, LoraLinear adapter, Layers.Linear layer, bool outputUsed)
    {
        // Without a gradient to carry there is no need for a node.
        if (is_grad_enabled() && (x.requires_grad || adapter.A.requires_grad || adapter.B.requires_grad || layer.Bias is { requires_grad: true }))
        {
            return apply(x, adapter.A, adapter.B, layer.Bias!, adapter, layer, outputUsed);
        }

        using var scope = NewDisposeScope();
        return Compute(x, adapter, layer, recorded: false, outputUsed).Output.MoveToOuterDisposeScope();
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        var x = (Tensor)vars[0];
        var adapter = (LoraLinear)vars[4];
        var layer = (Layers.Linear)vars[5];
        using var scope = NewDisposeScope();
        Parts made = Compute(x, adapter, layer, recorded: true, (bool)vars[6]);
        var saved = new List<Tensor> { x, made.Low, made.A, made.B };
        if (made.Mask is not null)
        {
            saved.Add(made.Mask);
        }

        saved.ForEach(tensor => _ = ReferenceEquals(tensor, x) ? tensor : tensor.MoveToOuterDisposeScope());
        ctx.save_for_backward(saved);
        ctx.save_data(AdapterKey, adapter);
        ctx.save_data(LayerKey, layer);
        ctx.save_data(InputGradKey, x.requires_grad);
        return made.Output.MoveToOuterDisposeScope();
    }

    private static Parts Compute(Tensor x, LoraLinear adapter, Layers.Linear layer, bool recorded, bool outputUsed)
    {
        Tensor rows = x.reshape(-1, x.shape[^1]);
        ScalarType type = ProductType(x.dtype, adapter.A.dtype, recorded);
        Tensor input = rows.to(type);
        Tensor? mask = null;
        if (adapter.training && adapter.Dropout > 0)
        {
            // 1 byte an element; the scale of what is kept is applied where the mask is used.
            mask = rand_like(input, dtype: ScalarType.Float32).ge(adapter.Dropout);
            input = (input * mask).div_(1 - adapter.Dropout);
        }

        // The scaling goes into the smallest matrix. A product that adds in place takes half the time of a product and a sum, and rounds once.
        using var noGrad = no_grad();
        Tensor a = adapter.A.detach().to(type), b = (adapter.B * adapter.Scaling).to(type), low = input.matmul(a.t());
        if (!outputUsed)
        {
            return new Parts(empty([.. x.shape[..^1], layer.Weight.OutFeatures], dtype: x.dtype, device: x.device), low, a, b, mask);
        }

        Tensor y = layer.Weight.Forward(rows, layer.Bias);
        Tensor output = y.dtype == low.dtype ? y.addmm_(low, b.t(), 1, 1) : y.add_(low.matmul(b.t()));
        return new Parts(output.view([.. x.shape[..^1], layer.Weight.OutFeatures]), low, a, b, mask);
    }

    // The rank-sized products of a bfloat16 layer are bfloat16 products summed in float32, as the reference's are with bf16 training; their weights and gradients stay
    // float32. Float16 has too small a range for gradients.
    private static ScalarType ProductType(ScalarType layer, ScalarType adapter, bool recorded) =>
        adapter == ScalarType.Float32 && (layer == ScalarType.BFloat16 || (layer == ScalarType.Float16 && !recorded)) ? layer : adapter;

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(7, grad_output, () =>
    {
        var adapter = (LoraLinear)ctx.get_data(AdapterKey);
        var layer = (Layers.Linear)ctx.get_data(LayerKey);
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor x = saved[0], low = saved[1], a = saved[2], b = saved[3];
        Tensor gradRows = grad_output.reshape(-1, grad_output.shape[^1]);
        Tensor grad = gradRows.to(low.dtype);
        Tensor? mask = saved.Count > 4 ? saved[4] : null;
        double kept = 1 / (1 - adapter.Dropout);

        Tensor gradLow = grad.matmul(b);
        Tensor gradB = grad.t().matmul(low).to(adapter.B.dtype).mul_(adapter.Scaling);
        Tensor input = x.reshape(-1, x.shape[^1]).to(low.dtype);
        Tensor gradA = (mask is null ? gradLow.t().matmul(input) : gradLow.t().matmul(input * mask).mul_(kept)).to(adapter.A.dtype);

        Tensor? gradX = null;
        if ((bool)ctx.get_data(InputGradKey))
        {
            gradX = layer.Weight.BackwardInput(gradRows);
            if (mask is null && gradX.dtype == gradLow.dtype)
            {
                gradX.addmm_(gradLow, a, 1, 1);
            }
            else
            {
                Tensor update = gradLow.matmul(a);
                gradX.add_(mask is null ? update : update.mul_(mask).mul_(kept));
            }

            gradX = gradX.view(x.shape);
        }

        Tensor? gradBias = layer.Bias is { requires_grad: true } bias ? gradRows.sum([0L]).to(bias.dtype) : null;
        return [gradX, gradA, gradB, gradBias, null, null, null];
    });

    // A and B are the matrices as the products took them, B with the scaling; Low is x·Aᵀ.
    private readonly record struct Parts(Tensor Output, Tensor Low, Tensor A, Tensor B, Tensor? Mask);
}
