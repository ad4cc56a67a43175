using LoraSharp.Files;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Weights of a model folder, each read, converted and (if asked for) quantised on its own, so that the peak of memory stays near the result's size.</summary>
internal sealed class CheckpointProvider(Checkpoint checkpoint, CheckpointNames names, LoadOptions options, ScalarType dtype) : WeightProvider
{
    public override bool Contains(string name) => names.Find(name) is not null;

    public override Parameter Parameter(string name, long[] shape)
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        Tensor loaded = checkpoint.Load(names.Find(name)!, dtype);
        return new Parameter(loaded, requires_grad: true);
    }

    public override LinearWeight Weight(string name, long outFeatures, long inFeatures, bool quantize)
    {
        if (!quantize || options.Quantization is null)
        {
            return new DenseWeight(Parameter(name, [outFeatures, inFeatures]));
        }

        options.CancellationToken.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        Tensor view = checkpoint.View(names.Find(name)!);
        return options.Quantization.Quantize(view.dtype == dtype ? view : view.to(dtype));
    }
}
