namespace LoraSharp.Models;

/// <summary>A decoder-only or encoder-only model as its family describes it: the body, the heads it can have, its files.</summary>
internal sealed record ModelSpec
{
    /// <summary>The start of the reference's class names (<c>Llama</c>, <c>Bert</c>), for <c>architectures</c> in config.json.</summary>
    public required string ClassName { get; init; }

    /// <summary>The reference's class of the causal language model, where it is not called by the rule.</summary>
    public string? LanguageClass { get; init; }

    /// <summary>The padding token, or null.</summary>
    public int? PaddingId { get; init; }

    public required CheckpointLayout Layout { get; init; }

    public required TransformerConfig Body { get; init; }

    /// <summary>Null: not a causal language model.</summary>
    public LanguageHeadConfig? Language { get; init; }

    /// <summary>Null: not a masked language model.</summary>
    public MaskedHeadConfig? Masked { get; init; }

    public SequenceHeadConfig? Sequence { get; init; }

    public TokenHeadConfig? Token { get; init; }

    /// <summary>Null: the base model has no pooler.</summary>
    public PoolerConfig? Pooler { get; init; }
}
