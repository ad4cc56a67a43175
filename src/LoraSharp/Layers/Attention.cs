using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// Multi-head attention with grouped keys and values (Ainslie et al. 2023) in all its variants: separate or fused projections, norms on queries and keys, rotary
/// positions, soft caps, sinks, relative positions; over the layer's own tokens or over an encoder's output.
/// </summary>
internal sealed class Attention
{
    private readonly AttentionConfig _config;
    private readonly int _layer;
    private readonly Slot? _fused;
    private readonly Slot _query;
    private readonly Slot _key;
    private readonly Slot _value;
    private readonly Slot _output;
    private readonly Slot[] _queryNorms;
    private readonly Slot[] _keyNorms;
    private readonly Parameter? _sinks;
    private readonly DisentangledBias? _disentangled;

    /// <summary>Builds the layer.</summary>
    /// <param name="config">Shape, flags and names.</param>
    /// <param name="weights">The decoder or encoder layer's place.</param>
    /// <param name="hidden">Features of the input.</param>
    /// <param name="layer">Index of the layer, which is its place in the cache.</param>
    public Attention(AttentionConfig config, WeightScope weights, int hidden, int layer)
    {
        _config = config;
        _layer = layer;
        int features = config.Heads * config.HeadDim, kvFeatures = config.KvHeads * config.HeadDim;
        if (config.Fused is not null)
        {
            _fused = weights.Linear(config.Fused, features + (2 * kvFeatures), hidden, config.QkvBias);
        }
        else
        {
            _query = weights.Linear(config.Query, features, hidden, config.QkvBias);
            _key = weights.Linear(config.Key, kvFeatures, hidden, config.QkvBias);
            _value = weights.Linear(config.Value, kvFeatures, hidden, config.QkvBias);
        }

        _output = weights.Linear(config.Output, hidden, features, config.OutputBias);
        _queryNorms = Norms(config.QueryNorm, config.Heads, weights);
        _keyNorms = Norms(config.KeyNorm, config.KvHeads, weights);
        _sinks = config.Sinks is null ? null : weights.Parameter(config.Sinks, WeightStart.Random, config.Heads);
        _disentangled = config.Disentangled is null ? null : new DisentangledBias(config.Disentangled, config, weights, hidden, _query, _key);
    }

    /// <summary>Attention of a layer's tokens x (B, T, hidden) to each other and to those in the cache.</summary>
    public Tensor Forward(Tensor x, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        (Tensor query, Tensor key, Tensor value) = Project(x);
        if (context.Ranges is { } ranges)
        {
            var arguments = new AttentionArguments(ranges, (float)_config.Scale, context.Cos, context.Sin, context.Interleaved);
            if (query.dtype != value.dtype || (context.Cos is { } table && table.dtype != value.dtype) || !AttentionFunction.Accepts(value))
            {
                // Mixed precision: norms and rotation are of float32 as the residual stream is, the products of the layers' type where there is a kernel for it.
                ScalarType type = AttentionFunction.Accepts(value) ? value.dtype : ScalarType.Float32;
                (query, key, value) = (Rotated(query, context).to(type), Rotated(key, context).to(type), value.to(type));
                arguments = arguments with { Cos = null, Sin = null };
            }

            return _output.Call(AttentionFunction.Apply(query, key, value, arguments)).MoveToOuterDisposeScope();
        }

        (query, key, value) = (query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2));
        if (context.Cos is { } cos)
        {
            query = RotaryEmbedding.Apply(query, cos, context.Sin!, context.Interleaved);
            key = RotaryEmbedding.Apply(key, cos, context.Sin!, context.Interleaved);
        }

        if (context.Cache is { } cache)
        {
            (key, value) = cache.Append(_layer, key, value);
        }

        Tensor? mask = context.Mask;
        if (_disentangled is not null)
        {
            Tensor bias = _disentangled.Compute(query, key, context.Relative!);
            mask = mask is null ? bias : mask + bias;
        }

        return Mix(x, query, key, value, mask, context.IsCausal).MoveToOuterDisposeScope();
    }

    /// <summary>Attention of the decoder's tokens x (B, T, hidden) to the encoder's output.</summary>
    public Tensor Cross(Tensor x, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        Tensor query = Heads(_query.Call(x), _config.Heads).transpose(1, 2), key, value;
        if (context.MemoryCache?.Find(_layer) is { } held)
        {
            (key, value) = held;
        }
        else
        {
            key = Heads(_key.Call(context.Memory!), _config.KvHeads).transpose(1, 2);
            value = Heads(_value.Call(context.Memory!), _config.KvHeads).transpose(1, 2);
            context.MemoryCache?.Set(_layer, key, value);
        }

        return Mix(x, query, key, value, context.MemoryMask, isCausal: false).MoveToOuterDisposeScope();
    }

    // Queries, keys and values (B, T, heads, headDim), normed.
    private (Tensor Query, Tensor Key, Tensor Value) Project(Tensor x)
    {
        Tensor query, key, value;
        if (_fused is { } fused)
        {
            (query, key, value) = Split(fused.Call(x));
        }
        else
        {
            query = _query.Call(x);
            key = _key.Call(x);
            value = _value.Call(x);
            if (_config.NormSpan == QueryKeyNorm.Projection && _queryNorms.Length > 0)
            {
                query = _queryNorms[0].Call(query);
                key = _keyNorms[0].Call(key);
            }

            (query, key, value) = (Heads(query, _config.Heads), Heads(key, _config.KvHeads), Heads(value, _config.KvHeads));
        }

        if (_config.NormSpan != QueryKeyNorm.Projection && _queryNorms.Length > 0)
        {
            query = Normed(query, _queryNorms);
            key = Normed(key, _keyNorms);
        }

        return (query, key, value);
    }

    // (B, T, rows of the fused projection) → three times (B, T, heads, headDim).
    private (Tensor Query, Tensor Key, Tensor Value) Split(Tensor fused)
    {
        int heads = _config.Heads, kvHeads = _config.KvHeads, group = heads / kvHeads;
        if (_config.FusedOrder == FusedOrder.Blocks)
        {
            Tensor rows = Heads(fused, heads + (2 * kvHeads));
            return (rows.narrow(2, 0, heads), rows.narrow(2, heads, kvHeads), rows.narrow(2, heads + kvHeads, kvHeads));
        }

        Tensor groups = Heads(fused, heads + (2 * kvHeads)).unflatten(2, kvHeads, group + 2);
        return (groups.narrow(3, 0, group).flatten(2, 3), groups.select(3, group), groups.select(3, group + 1));
    }

    private Tensor Mix(Tensor x, Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal)
    {
        if (query.dtype != value.dtype)
        {
            // In mixed precision the float32 tables of the rotation have widened queries and keys.
            (query, key) = (query.to(value.dtype), key.to(value.dtype));
        }

        // The fused kernel has no gradient to the mask, which relative positions need.
        bool eager = _config.IsEager || (mask is { requires_grad: true } && is_grad_enabled());
        Tensor mixed = eager
            ? Eager(query, key, value, mask)
            : TorchOperators.ScaledDotProductAttention(query, key, value, mask, isCausal, _config.Scale);
        return _output.Call(mixed.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1));
    }

    private Tensor Eager(Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        // The queries of all heads of a group follow each other, so that keys and values are not repeated.
        long tokens = query.shape[2], group = _config.Heads / _config.KvHeads;
        Tensor grouped = query.unflatten(1, _config.KvHeads, group).flatten(2, 3);
        Tensor scores = grouped.matmul(key.transpose(-1, -2)).unflatten(2, group, tokens).flatten(1, 2) * _config.Scale;
        if (_config.SoftCap is { } cap)
        {
            scores = (scores / cap).tanh() * cap;
        }

        if (mask is not null)
        {
            scores += mask;
        }

        Tensor probabilities;
        if (_sinks is null)
        {
            probabilities = scores.softmax(-1, ScalarType.Float32);
        }
        else
        {
            Tensor sinks = _sinks.view(1, -1, 1, 1).expand(scores.shape[0], -1, tokens, 1);
            probabilities = cat([scores, sinks], -1).softmax(-1, ScalarType.Float32).narrow(-1, 0, scores.shape[^1]);
        }

        Tensor mixed = probabilities.to(value.dtype).unflatten(1, _config.KvHeads, group).flatten(2, 3).matmul(value);
        return mixed.unflatten(2, group, tokens).flatten(1, 2);
    }

    private Slot[] Norms(string? path, int heads, WeightScope weights) => path is null ? [] : _config.NormSpan switch
    {
        QueryKeyNorm.Projection => [weights.Norm(path, _config.QueryKeyNormConfig!, heads * _config.HeadDim)],
        QueryKeyNorm.HeadRows => [weights.Norm(path, _config.QueryKeyNormConfig!, heads, _config.HeadDim)],
        QueryKeyNorm.HeadLayers => [.. Enumerable.Range(0, heads).Select(h => weights.Norm($"{path}.norms.{h}", _config.QueryKeyNormConfig!, _config.HeadDim))],
        _ => [weights.Norm(path, _config.QueryKeyNormConfig!, _config.HeadDim)],
    };

    private static Tensor Normed(Tensor x, Slot[] norms) =>
        norms.Length == 1 ? norms[0].Call(x) : stack([.. norms.Select((norm, head) => norm.Call(x.select(2, head)))], 2);

    // (B, T, heads, headDim), in the wider of its type and the tables'.
    private static Tensor Rotated(Tensor x, AttentionContext context) =>
        context.Cos is { } cos ? RotaryEmbedding.Apply(x.transpose(1, 2), cos, context.Sin!, context.Interleaved).transpose(1, 2) : x;

    // (B, T, heads·headDim) → (B, T, heads, headDim)
    private Tensor Heads(Tensor x, int heads) => x.view(x.shape[0], x.shape[1], heads, _config.HeadDim);
}
