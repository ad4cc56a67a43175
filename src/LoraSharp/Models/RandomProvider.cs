using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>
/// Fresh weights for a model that is trained from nothing: matrices N(0, initializerRange), vectors 1 for norms and 0 for biases. Quantised one by one like a loaded model.
/// </summary>
internal sealed class RandomProvider(LoadOptions options, double initializerRange, int seed) : WeightProvider
{
    // The seed fixes every weight, whatever else draws from the global generator.
    private readonly Generator _generator = new((ulong)seed);

    public override bool Contains(string name) => false;

    public override Parameter Parameter(string name, long[] shape)
    {
        using var scope = NewDisposeScope();
        ScalarType dtype = options.Dtype ?? ScalarType.Float32;
        Tensor value = shape.Length > 1 ? Normal(shape).to(dtype)
            : name.EndsWith("bias", StringComparison.Ordinal) ? zeros(shape, dtype: dtype)
            : ones(shape, dtype: dtype);
        return (Parameter)new Parameter(value, requires_grad: true).DetachFromDisposeScope();
    }

    public override LinearWeight Weight(string name, long outFeatures, long inFeatures, bool quantize)
    {
        if (!quantize || options.Quantization is null)
        {
            return new DenseWeight(Parameter(name, [outFeatures, inFeatures]));
        }

        using var scope = NewDisposeScope();
        return options.Quantization.Quantize(Normal([outFeatures, inFeatures]).to(options.Dtype ?? ScalarType.Float32));
    }

    private Tensor Normal(long[] shape) => empty(shape, dtype: ScalarType.Float32).normal_(0, initializerRange, _generator);
}
