using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Notes which tensors a model asks for and hands out placeholders that occupy no memory, so that a checkpoint can be checked before anything is loaded.</summary>
internal sealed class InspectingProvider(Func<string, bool> contains) : WeightProvider
{
    private readonly Dictionary<string, long[]> _expected = new(StringComparer.Ordinal);

    /// <summary>Names and shapes, in the order in which the model asked.</summary>
    public IReadOnlyDictionary<string, long[]> Expected => _expected;

    public override bool Contains(string name) => contains(name);

    public override Parameter Parameter(string name, long[] shape)
    {
        _expected[name] = shape;

        // One element with zero strides has any shape.
        return new Parameter(zeros(1).expand(shape), requires_grad: false);
    }

    public override LinearWeight Weight(string name, long outFeatures, long inFeatures, bool quantize) =>
        new DenseWeight(Parameter(name, [outFeatures, inFeatures]));
}
