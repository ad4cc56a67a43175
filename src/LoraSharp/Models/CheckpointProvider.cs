using LoraSharp.Files;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>
/// Weights of a model folder, each read, converted and (if asked for) quantised on its own, so that the peak of memory stays near the result's size. Packed ones are
/// taken as they are. What the folder lacks is new: only a head, as its names were checked before.
/// </summary>
internal sealed class CheckpointProvider(Checkpoint checkpoint, CheckpointNames names, PackedTensors? packed, LoadOptions options, ScalarType dtype, WeightProvider fresh) : WeightProvider
{
    public override bool Contains(string name) => names.Find(name) is not null;

    public override Parameter Parameter(WeightRequest request)
    {
        if (Begin(request) is not { } found)
        {
            return fresh.Parameter(request);
        }

        // The scope frees what the parameter is made from: it shares the memory, which would outlive the model until a garbage collection.
        using var scope = NewDisposeScope();
        Tensor value = names.IsTransposed(request.Name) ? Transposed(found).clone() : checkpoint.Load(found, dtype);
        checkpoint.Release(found);
        return (Parameter)new Parameter(value, requires_grad: true).DetachFromDisposeScope();
    }

    public override LinearWeight Weight(WeightRequest request, bool quantize)
    {
        string? found = names.Find(request.Name);
        if (found is not null && packed?.Contains(found) == true)
        {
            Begin(request);
            return packed.Load(found, request.Shape, dtype);
        }

        // In a quantised checkpoint, what is not packed was left alone on purpose.
        bool covered = quantize && options.Quantization?.Covers(request.Module, request.IsHead) == true;
        if (!covered || (packed is not null && found is not null))
        {
            return new DenseWeight(Parameter(request));
        }

        Begin(request);
        if (found is null)
        {
            return fresh.Weight(request, quantize);
        }

        using var scope = NewDisposeScope();
        Tensor view = names.IsTransposed(request.Name) ? Transposed(found) : checkpoint.View(found);
        LinearWeight weight = options.Quantization!.Quantize(view.dtype == dtype ? view : view.to(dtype));
        checkpoint.Release(found);
        return weight;
    }

    // The tensor's name in the files, or null.
    private string? Begin(WeightRequest request)
    {
        options.CancellationToken.ThrowIfCancellationRequested();
        options.Progress?.Report(request.Name);
        return names.Find(request.Name);
    }

    private Tensor Transposed(string name) => checkpoint.View(name).to(dtype).transpose(0, 1).contiguous();
}
