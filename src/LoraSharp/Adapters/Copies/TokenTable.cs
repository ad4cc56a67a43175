using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Copies;

/// <summary>The new rows of single tokens that an adapter trains (PEFT's trainable_token_indices).</summary>
internal sealed class TokenTable : nn.Module
{
    private readonly Parameter trainable_tokens_delta;
    private readonly Tensor indices;
    private readonly Tensor slots;

    /// <param name="table">The embedding's table (vocabulary, dim), from which the rows start.</param>
    /// <param name="tokens">The tokens, in the order of the rows.</param>
    public TokenTable(Tensor table, IReadOnlyList<long> tokens)
        : base(nameof(TokenTable))
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        indices = tensor(tokens.ToArray(), dtype: ScalarType.Int64).DetachFromDisposeScope();
        Tensor map = full([table.shape[0]], -1, dtype: ScalarType.Int64);
        slots = map.index_copy_(0, indices, arange(tokens.Count, dtype: ScalarType.Int64)).DetachFromDisposeScope();
        trainable_tokens_delta = ParameterCopy.New(table.detach().index_select(0, indices).to(ScalarType.Float32).DetachFromDisposeScope());
        register_parameter(nameof(trainable_tokens_delta), trainable_tokens_delta);
    }

    /// <summary>The new rows (tokens, dim).</summary>
    public Parameter Rows => trainable_tokens_delta;

    /// <summary>The tokens (int64).</summary>
    public Tensor Indices => indices;

    /// <summary>Puts the new rows into an embedding's output (..., dim) for ids (...).</summary>
    public Tensor ReplaceVectors(Tensor ids, Tensor output)
    {
        Tensor slot = slots.index_select(0, ids.reshape(-1)).view(ids.shape);
        Tensor rows = trainable_tokens_delta.to(output.dtype).index_select(0, slot.clamp_min(0).view(-1)).view(output.shape);
        return where(slot.ge(0).unsqueeze(-1), rows, output);
    }

    /// <summary>Puts the new rows' products with x into the logits (..., vocabulary).</summary>
    public Tensor ReplaceLogits(Tensor x, Tensor output) =>
        output.index_copy(-1, indices, x.to(output.dtype).matmul(trainable_tokens_delta.to(output.dtype).t()));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            indices.Dispose();
            slots.Dispose();
        }

        base.Dispose(disposing);
    }
}
