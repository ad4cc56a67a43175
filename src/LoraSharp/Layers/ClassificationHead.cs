using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>A classifier of two layers under one name, as RoBERTa and ELECTRA have it: out_proj(act(dense(x))).</summary>
internal sealed class ClassificationHead : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> dense;
    private readonly nn.Module<Tensor, Tensor> out_proj;
    private readonly string _activation;

    internal ClassificationHead(nn.Module<Tensor, Tensor> dense, nn.Module<Tensor, Tensor> outProjection, string activation)
        : base(nameof(ClassificationHead))
    {
        this.dense = dense;
        out_proj = outProjection;
        _activation = activation;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return out_proj.call(Activation.Find(_activation)(dense.call(input))).MoveToOuterDisposeScope();
    }

    /// <summary>A copy over other layers.</summary>
    internal ClassificationHead WithLayers(nn.Module<Tensor, Tensor> otherDense, nn.Module<Tensor, Tensor> otherOutput) => new(otherDense, otherOutput, _activation);

    /// <summary>The two layers.</summary>
    internal (nn.Module<Tensor, Tensor> Dense, nn.Module<Tensor, Tensor> Output) Layers => (dense, out_proj);
}
