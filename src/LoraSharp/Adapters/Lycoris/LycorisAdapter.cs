using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lycoris;

/// <summary>An update formed from several small tensors: scaling, dropout of rows or of the whole, and the tensors' names.</summary>
internal abstract class LycorisAdapter(string name, double scaling, double rankDropout, double moduleDropout, bool rescale = false) : DeltaAdapter(name)
{
    private readonly List<AdapterTensor> _tensors = [];

    /// <summary>The update without scaling and dropout, in the weight's shape.</summary>
    protected abstract Tensor Update(BaseLayer layer);

    public override Tensor Delta(BaseLayer layer)
    {
        Tensor delta = Update(layer) * scaling;
        if (training && rankDropout > 0)
        {
            Tensor kept = rand(delta.shape[0]).ge(rankDropout).to(delta.dtype).view([-1, .. Enumerable.Repeat(1L, (int)delta.dim() - 1)]);
            delta = delta * (rescale ? kept / kept.mean() : kept);
        }

        return delta;
    }

    public override Tensor Apply(Tensor x, Tensor output, BaseLayer layer)
    {
        bool skipped = training && moduleDropout > 0 && rand(1).item<float>() < moduleDropout;
        return skipped ? output : base.Apply(x, output, layer);
    }

    public override IEnumerable<AdapterTensor> FileTensors() => _tensors;

    /// <summary>A new tensor of this adapter: Kaiming's uniform distribution with a = √5, or zeros.</summary>
    protected Parameter Add(string key, bool zero, params long[] shape)
    {
        using var scope = NewDisposeScope();
        Tensor value = zeros(shape);
        if (!zero)
        {
            double bound = 1 / Math.Sqrt((double)value.numel() / shape[0]);
            value.uniform_(-bound, bound);
        }

        Parameter parameter = ParameterCopy.New(value);
        register_parameter(key, parameter);
        _tensors.Add(new AdapterTensor(key, parameter));
        return parameter;
    }

    /// <summary>Σ core[i, j, kernel...] · left[i, p] · right[j, q] as (p, q, kernel...).</summary>
    protected static Tensor Tucker(Tensor core, Tensor left, Tensor right) => einsum("ij...,ip,jq->pq...", core, left, right);
}
