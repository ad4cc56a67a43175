using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Bases;

/// <summary>A table of token vectors (vocabulary, dim).</summary>
internal sealed class EmbeddingBase(Layers.Embedding embedding) : BaseLayer
{
    public override nn.Module<Tensor, Tensor> Module => embedding;

    public override long[] Shape => embedding.Weight.shape;

    public override ScalarType Dtype => embedding.Weight.dtype;

    public override Parameter? Parameter => embedding.Weight;

    public override bool RoundsUpdate => true;

    public override Tensor Weight(ScalarType dtype) => embedding.Weight.detach().to(dtype);

    public override Tensor Operate(Tensor x, Tensor weight, Tensor? bias) => embedding.Lookup(weight, x);

    public override void Assign(Tensor weight)
    {
        using var noGrad = no_grad();
        embedding.Weight.copy_(weight);
    }

    public override WeightBackup? BeginChange(bool isShared, bool keep)
    {
        if (isShared)
        {
            Parameter shared = embedding.ExchangeWeight(ParameterCopy.Of(embedding.Weight));
            return new WeightBackup(dtype => shared.detach().to(dtype), () => embedding.ExchangeWeight(shared).Dispose(), () => { });
        }

        if (!keep)
        {
            return null;
        }

        Tensor kept = embedding.Weight.detach().clone().DetachFromDisposeScope();
        return new WeightBackup(dtype => kept.to(dtype), () => Assign(kept), kept.Dispose);
    }
}
