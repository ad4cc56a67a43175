using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The weights of modules that exist: layers built over them share them.</summary>
internal sealed class ExistingWeights(nn.Module source) : WeightProvider
{
    private readonly Dictionary<string, Parameter> _parameters = source.named_parameters().ToDictionary(item => item.name, item => item.parameter, StringComparer.Ordinal);
    private readonly Dictionary<string, LinearWeight> _weights =
        source.named_modules().Where(item => item.module is Linear).ToDictionary(item => item.name + ".weight", item => ((Linear)item.module).Weight, StringComparer.Ordinal);

    public override bool Contains(string name) => _parameters.ContainsKey(name) || _weights.ContainsKey(name);

    public override Parameter Parameter(WeightRequest request) => _parameters[request.Name];

    // Quantised data is immutable, so a clone shares it; but each layer may quantise anew.
    public override LinearWeight Weight(WeightRequest request, bool quantize) =>
        _weights[request.Name] is { Parameter: null } quantized ? quantized.Clone() : new DenseWeight(_parameters[request.Name]);
}
