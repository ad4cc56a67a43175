using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>
/// Fresh weights, for a model that is trained from nothing or for a new head: matrices N(0, initializerRange), norms that do nothing yet, biases 0. Quantised one by
/// one like loaded ones.
/// </summary>
/// <param name="options">Quantisation.</param>
/// <param name="dtype">Type of the weights.</param>
/// <param name="initializerRange">Standard deviation.</param>
/// <param name="generator">Draws the weights; null: torch's own generator, which <c>torch.manual_seed</c> sets.</param>
internal sealed class RandomProvider(LoadOptions options, ScalarType dtype, double initializerRange, Generator? generator) : WeightProvider
{
    public override bool Contains(string name) => false;

    public override Parameter Parameter(WeightRequest request)
    {
        using var scope = NewDisposeScope();
        Tensor value = request.Start switch
        {
            WeightStart.Zeros => zeros(request.Shape, dtype: dtype),
            WeightStart.Ones => ones(request.Shape, dtype: dtype),
            _ => Normal(request.Shape),
        };
        return (Parameter)new Parameter(value, requires_grad: true).DetachFromDisposeScope();
    }

    public override LinearWeight Weight(WeightRequest request, bool quantize)
    {
        if (!quantize || options.Quantization?.Covers(request.Module, request.IsHead) != true)
        {
            return new DenseWeight(Parameter(request));
        }

        using var scope = NewDisposeScope();
        return options.Quantization.Quantize(Normal(request.Shape));
    }

    private Tensor Normal(long[] shape) => empty(shape, dtype: ScalarType.Float32).normal_(0, initializerRange, generator!).to(dtype);
}
