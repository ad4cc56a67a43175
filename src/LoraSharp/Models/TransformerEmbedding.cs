using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>Turns ids into the first layer's input: token vectors, positions, types, norm, projections.</summary>
internal sealed class TransformerEmbedding
{
    private readonly EmbeddingConfig _config;
    private readonly Slot _tokens;
    private readonly Slot? _positions;
    private readonly Slot? _types;
    private readonly Slot? _norm;
    private readonly Slot? _tokenProjection;
    private readonly Slot? _innerProjection;
    private readonly Slot? _projection;

    /// <summary>Builds the layer.</summary>
    /// <param name="config">The whole stack's configuration.</param>
    /// <param name="weights">The base model's place.</param>
    /// <param name="tokens">The token table when several stacks share it; null: a table of its own.</param>
    public TransformerEmbedding(TransformerConfig config, WeightScope weights, Slot? tokens)
    {
        _config = config.Embedding;
        int size = _config.Size, hidden = config.HiddenSize;
        int width = _config.TokenProjection is null ? size : hidden, normed = _config.InnerProjection is null ? width : hidden;
        _tokens = tokens ?? weights.Embedding(_config.Tokens, config.VocabSize, size, _config.PaddingId);
        _tokenProjection = _config.TokenProjection is { } before ? weights.Linear(before, hidden, size) : null;
        _positions = _config.Positions is { } positions ? weights.Embedding(positions, _config.PositionRows, width, PositionPadding) : null;
        _types = _config.Types is { } types ? weights.Embedding(types, _config.TypeRows, width) : null;
        _innerProjection = _config.InnerProjection is { } inner ? weights.Linear(inner, hidden, size) : null;
        _norm = _config.Norm is { } norm ? weights.Norm(norm, config.Norm, normed) : null;
        _projection = _config.Projection is { } after ? weights.Linear(after, hidden, size, bias: true) : null;
    }

    /// <summary>The token table, as it is now (adapters may have taken its place).</summary>
    public Slot Tokens => _tokens;

    // Where padded tokens have the padding id's position, that row gets no gradient either.
    private int? PositionPadding => _config.PositionRule == PositionRule.Ids ? _config.PaddingId : null;

    /// <summary>(B, T, hidden) of a batch; <paramref name="positionIds"/> (B or 1, T) are the caller's or 0, 1, ...</summary>
    public Tensor Forward(TransformerInputs inputs, Tensor positionIds)
    {
        using var scope = NewDisposeScope();
        Tensor x = inputs.TokenVectors?.alias() ?? _tokens.Call(inputs.Ids!);
        if (_config.Scale != 1)
        {
            x = x * tensor(_config.Scale, dtype: x.dtype);
        }

        if (_tokenProjection is { } before)
        {
            x = before.Call(x);
        }

        if (_positions is { } positions)
        {
            x = x + positions.Call(LearnedPositions(inputs, positionIds));
        }

        if (_types is { } types)
        {
            x = x + types.Call(inputs.TokenTypeIds ?? zeros(x.shape[0], x.shape[1], dtype: ScalarType.Int64));
        }

        x = _innerProjection?.Call(x) ?? x;
        x = _norm?.Call(x) ?? x;
        x = _projection?.Call(x) ?? x;
        if (_config.ZeroPadding && inputs.AttentionMask is { } mask)
        {
            x = x * mask.unsqueeze(-1).to(x.dtype);
        }

        return x.MoveToOuterDisposeScope();
    }

    private Tensor LearnedPositions(TransformerInputs inputs, Tensor positionIds)
    {
        Tensor positions = positionIds;
        if (inputs.PositionIds is null && _config.PositionRule == PositionRule.Ids && inputs.Ids is { } ids)
        {
            int padding = _config.PaddingId ?? 0;
            Tensor real = ids.ne(padding).to(ScalarType.Int64);
            positions = (real.cumsum(1) * real) + padding;
        }
        else if (inputs.PositionIds is null && _config.PositionRule == PositionRule.Mask && inputs.AttentionMask is { } mask)
        {
            Tensor all = (mask.cumsum(1) * mask) - 1, last = all.narrow(1, all.shape[1] - positionIds.shape[1], positionIds.shape[1]);
            positions = last.to(ScalarType.Int64);
        }

        Tensor rows = _config.PositionOffset == 0 ? positions : positions + _config.PositionOffset;
        long highest = rows.max().item<long>();
        return highest < _config.PositionRows
            ? rows
            : throw new ArgumentException(
                $"The input reaches position {highest - _config.PositionOffset}, but this model has learned positions for {_config.PositionRows - _config.PositionOffset} tokens; truncate the input.");
    }
}
