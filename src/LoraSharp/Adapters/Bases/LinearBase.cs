using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Bases;

/// <summary>A linear layer, dense or quantised.</summary>
internal sealed class LinearBase(Linear linear) : BaseLayer
{
    public Linear Linear => linear;

    public override nn.Module<Tensor, Tensor> Module => linear;

    public override long[] Shape => [linear.Weight.OutFeatures, linear.Weight.InFeatures];

    public override ScalarType Dtype => linear.Weight.Dtype;

    public override Parameter? Bias => linear.Bias;

    public override Parameter? Parameter => linear.Weight.Parameter;

    public override bool IsQuantized => linear.Weight.Parameter is null;

    public override Tensor Weight(ScalarType dtype) => linear.Weight.Parameter is { } dense ? dense.detach().to(dtype) : linear.Weight.Dequantize(dtype);

    public override Tensor Operate(Tensor x, Tensor weight, Tensor? bias) => nn.functional.linear(x, weight, bias!);

    public override void Assign(Tensor weight) => linear.Weight.Assign(weight);

    public override WeightBackup? BeginChange(bool isShared, bool keep)
    {
        LinearWeight current = linear.Weight;
        if (isShared)
        {
            LinearWeight shared = linear.ExchangeWeight(current.Clone());
            return new WeightBackup(shared.Dequantize, () => linear.ExchangeWeight(shared).Dispose(), () => { });
        }

        if (!keep)
        {
            return null;
        }

        LinearWeight kept = current.Clone();
        return new WeightBackup(kept.Dequantize, Restore, kept.Dispose);

        void Restore()
        {
            if (linear.Weight.Parameter is { } parameter && kept.Parameter is { } old)
            {
                // In place: others may hold this parameter (an optimizer).
                using var noGrad = no_grad();
                parameter.copy_(old);
                kept.Dispose();
            }
            else
            {
                linear.ReplaceWeight(kept);
            }
        }
    }
}
