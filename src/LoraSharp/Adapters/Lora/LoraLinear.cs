using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>LoRA on a linear layer: y += s · B(A(dropout(x))), A (r, in), B (out, r).</summary>
internal sealed class LoraLinear : LoraLayer
{
    public LoraLinear(BaseLayer layer, LoraSettings settings)
        : base(nameof(LoraLinear), settings, [settings.R, layer.InFeatures], [layer.OutFeatures, settings.R], layer.OutFeatures, settings.UsesDora ? [layer.OutFeatures] : null)
    {
    }

    public override Tensor? ApplyFused(Tensor x, BaseLayer layer, bool outputUsed = true)
    {
        // Training the base weight as well needs its gradient, which the fused node does not give.
        bool plain = Magnitude is null && BBias is null && layer.Parameter is not { requires_grad: true };
        return plain && layer is LinearBase { Linear: var linear } ? LoraLinearFunction.Apply(x, this, linear, outputUsed) : null;
    }

    protected override Tensor Product(BaseLayer layer) => B.matmul(A);

    protected override Tensor Branch(Tensor x, BaseLayer layer) => nn.functional.linear(nn.functional.linear(x, A), B, BBias!);

    protected override Tensor Norm(Tensor weight) => weight.norm(1, keepdim: true);

    protected override Tensor ForOutput(Tensor factor) => factor.view(-1);
}
