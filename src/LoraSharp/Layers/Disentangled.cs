using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>DeBERTa's scores between contents and relative positions (He et al. 2021); paths are relative to the encoder layer.</summary>
internal sealed record DisentangledConfig
{
    /// <summary>Queries' contents against keys' positions.</summary>
    public required bool ContentToPosition { get; init; }

    /// <summary>Keys' contents against queries' positions.</summary>
    public required bool PositionToContent { get; init; }

    /// <summary>Path of the projection of positions to keys; null: the contents' own.</summary>
    public string? PositionKey { get; init; }

    /// <summary>Path of the projection of positions to queries; null: the contents' own.</summary>
    public string? PositionQuery { get; init; }
}

/// <summary>The vectors of relative positions (rows, hidden) of a forward pass, and the row (T, T) that belongs to each pair of query and key.</summary>
internal sealed record RelativePositions(Tensor Vectors, Tensor Rows);

/// <summary>Computes those scores.</summary>
internal sealed class DisentangledBias
{
    private readonly DisentangledConfig _config;
    private readonly AttentionConfig _attention;
    private readonly Slot _positionKey;
    private readonly Slot _positionQuery;

    public DisentangledBias(DisentangledConfig config, AttentionConfig attention, WeightScope weights, int hidden, Slot query, Slot key)
    {
        _config = config;
        _attention = attention;
        int features = attention.Heads * attention.HeadDim;
        _positionKey = config.PositionKey is { } own && config.ContentToPosition ? weights.Linear(own, features, hidden, bias: true) : key;
        _positionQuery = config.PositionQuery is { } other && config.PositionToContent ? weights.Linear(other, features, hidden, bias: true) : query;
    }

    /// <summary>Scores (B, heads, T, T) of queries and keys (B, heads, T, headDim), scaled.</summary>
    public Tensor Compute(Tensor query, Tensor key, RelativePositions relative)
    {
        using var scope = NewDisposeScope();
        long[] all = [query.shape[0], query.shape[1], query.shape[2], query.shape[2]];
        Tensor? sum = null;
        if (_config.ContentToPosition)
        {
            sum = query.matmul(Project(_positionKey, relative)).gather(-1, relative.Rows.expand(all));
        }

        if (_config.PositionToContent)
        {
            // The same row as above: that of query minus key.
            Tensor scores = key.matmul(Project(_positionQuery, relative)).gather(-1, relative.Rows.transpose(0, 1).expand(all)).transpose(-1, -2);
            sum = sum is null ? scores : sum + scores;
        }

        return (sum! * _attention.Scale).MoveToOuterDisposeScope();
    }

    // (heads, headDim, rows)
    private Tensor Project(Slot projection, RelativePositions relative) =>
        projection.Call(relative.Vectors).view(-1, _attention.Heads, _attention.HeadDim).permute(1, 2, 0);
}
