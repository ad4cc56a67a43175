using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>A table of token vectors (vocabulary, dim). The padding row, if any, takes part in the forward pass but gets no gradient.</summary>
public sealed class Embedding : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly int? _paddingId;

    /// <summary>Takes over a table.</summary>
    public Embedding(Parameter weight, int? paddingId = null)
        : base(nameof(Embedding))
    {
        ArgumentNullException.ThrowIfNull(weight);
        this.weight = (Parameter)weight.DetachFromDisposeScope();
        _paddingId = paddingId;
        register_parameter("weight", weight);
    }

    /// <summary>The table.</summary>
    public Parameter Weight => weight;

    /// <summary>The same layer over another table.</summary>
    internal Embedding WithWeight(Parameter table) => new(table, _paddingId);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => TorchOperators.Embedding(weight, input, _paddingId ?? -1);
}
