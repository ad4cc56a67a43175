using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>What may stand between a model's body and its output layer: norm(act(dense(x))), each part optional.</summary>
internal sealed class HeadTransform
{
    private readonly HeadTransformConfig _config;
    private readonly Slot? _dense;
    private readonly Slot? _norm;

    /// <summary>Builds the layers.</summary>
    /// <param name="config">Names and flags.</param>
    /// <param name="head">The whole model's place.</param>
    /// <param name="outFeatures">Features of the result.</param>
    /// <param name="inFeatures">Features of the body's output.</param>
    public HeadTransform(HeadTransformConfig config, WeightScope head, int outFeatures, int inFeatures)
    {
        _config = config;
        _dense = config.Dense is { } dense ? head.Linear(dense, outFeatures, inFeatures, config.DenseBias) : null;
        _norm = config.Norm is { } norm ? head.Norm(norm, config.NormConfig!, outFeatures) : null;
    }

    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        Tensor result = _dense is { } dense ? Activation.Find(_config.Activation)(dense.Call(x)) : x.alias();
        return (_norm?.Call(result) ?? result).MoveToOuterDisposeScope();
    }
}
