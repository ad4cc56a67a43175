using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>A table of token vectors (vocabulary, dim). The padding row, if any, takes part in the forward pass but gets no gradient.</summary>
public sealed class Embedding : nn.Module<Tensor, Tensor>
{
    private Parameter weight;
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

    /// <summary>Replaces the table by one of the same size and gives the old one back, for instance because others share it.</summary>
    /// <param name="table">The new table.</param>
    /// <param name="register">False when the old table stays this module's parameter and only the computation takes the new one.</param>
    internal Parameter ExchangeWeight(Parameter table, bool register = true)
    {
        Parameter old = weight;
        weight = table;
        if (register)
        {
            _internal_params["weight"] = table;
        }

        return old;
    }

    /// <summary>Vectors of ids from another table of the same size.</summary>
    internal Tensor Lookup(Tensor table, Tensor ids) => TorchOperators.Embedding(table, ids, _paddingId ?? -1);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => TorchOperators.Embedding(weight, input, _paddingId ?? -1);
}
