using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Notes which tensors a model asks for and hands out placeholders that occupy no memory, so that a checkpoint can be checked before anything is loaded.</summary>
internal sealed class InspectingProvider(Func<string, bool> contains) : WeightProvider
{
    private readonly List<WeightRequest> _expected = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Everything asked for, in order.</summary>
    public IReadOnlyList<WeightRequest> Expected => _expected;

    public override bool Contains(string name) => contains(name);

    public override Parameter Parameter(WeightRequest request)
    {
        if (_names.Add(request.Name))
        {
            _expected.Add(request);
        }

        // One element with zero strides has any shape.
        return new Parameter(zeros(1).expand(request.Shape), requires_grad: false);
    }

    public override LinearWeight Weight(WeightRequest request, bool quantize) => new DenseWeight(Parameter(request with { IsMatrix = true }));
}
