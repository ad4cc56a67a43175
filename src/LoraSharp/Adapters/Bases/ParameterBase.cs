using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Bases;

/// <summary>A parameter that a module computes with in a way of its own.</summary>
internal sealed class ParameterBase(nn.Module<Tensor, Tensor> owner, ParameterSlot slot) : BaseLayer
{
    private Parameter _parameter = (Parameter)slot.Original();

    public ParameterSlot Slot => slot;

    public override nn.Module<Tensor, Tensor> Module => owner;

    public override long[] Shape => _parameter.shape;

    public override ScalarType Dtype => _parameter.dtype;

    public override Parameter? Parameter => _parameter;

    public override Tensor Weight(ScalarType dtype) => _parameter.detach().to(dtype);

    public override Tensor Operate(Tensor x, Tensor weight, Tensor? bias) => throw new NotSupportedException("A parameter has no operation of its own.");

    public override void Assign(Tensor weight)
    {
        using var noGrad = no_grad();
        _parameter.copy_(weight);
    }

    public override WeightBackup? BeginChange(bool isShared, bool keep)
    {
        Parameter old = _parameter;
        if (isShared)
        {
            Take(ParameterCopy.Of(old));
            return new WeightBackup(dtype => old.detach().to(dtype), () => Take(old), () => { });
        }

        if (!keep)
        {
            return null;
        }

        Tensor kept = old.detach().clone().DetachFromDisposeScope();
        return new WeightBackup(dtype => kept.to(dtype), () => Assign(kept), kept.Dispose);
    }

    private void Take(Parameter parameter)
    {
        slot.Install(parameter);
        _parameter = parameter;
    }
}
