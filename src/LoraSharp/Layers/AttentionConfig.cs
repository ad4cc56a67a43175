namespace LoraSharp.Layers;

/// <summary>How the rows of a fused query-key-value projection are ordered.</summary>
internal enum FusedOrder
{
    /// <summary>All queries, then all keys, then all values.</summary>
    Blocks,

    /// <summary>For each key-value head: its queries, its key, its value.</summary>
    Groups,
}

/// <summary>What a norm of queries and keys spans.</summary>
internal enum QueryKeyNorm
{
    /// <summary>The features of one head; all heads share one weight.</summary>
    Head,

    /// <summary>The features of one head; each head has a row of the weight.</summary>
    HeadRows,

    /// <summary>The features of one head; each head has a layer of its own (<c>.norms.h</c>).</summary>
    HeadLayers,

    /// <summary>All heads together, before the split.</summary>
    Projection,
}

/// <summary>The shape, the flags and the names of an attention layer; paths are relative to the decoder or encoder layer.</summary>
internal sealed record AttentionConfig
{
    public required int Heads { get; init; }

    public required int KvHeads { get; init; }

    public required int HeadDim { get; init; }

    /// <summary>Factor on the scores.</summary>
    public required double Scale { get; init; }

    public string Query { get; init; } = "self_attn.q_proj";

    public string Key { get; init; } = "self_attn.k_proj";

    public string Value { get; init; } = "self_attn.v_proj";

    public string Output { get; init; } = "self_attn.o_proj";

    /// <summary>Path of one projection that holds queries, keys and values; null: there are three.</summary>
    public string? Fused { get; init; }

    public FusedOrder FusedOrder { get; init; }

    /// <summary>Bias on q, k, v.</summary>
    public bool QkvBias { get; init; }

    /// <summary>Bias on the output projection.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Paths of the norms on queries and keys; null: none.</summary>
    public string? QueryNorm { get; init; }

    public string? KeyNorm { get; init; }

    public QueryKeyNorm NormSpan { get; init; }

    /// <summary>The kind of those norms.</summary>
    public NormConfig? QueryKeyNormConfig { get; init; }

    /// <summary>Scores become cap · tanh(score / cap); null: they stay.</summary>
    public double? SoftCap { get; init; }

    /// <summary>Path of one logit a head that joins the softmax and is dropped (gpt-oss); null: none.</summary>
    public string? Sinks { get; init; }

    /// <summary>DeBERTa's position-dependent scores, or null.</summary>
    public DisentangledConfig? Disentangled { get; init; }

    /// <summary>Whether scores are computed step by step, so that plain causal attention needs a mask as well.</summary>
    public bool IsEager => SoftCap is not null || Sinks is not null;
}
