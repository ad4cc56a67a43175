namespace LoraSharp.Models;

/// <summary>Where learned positions come from when the caller gives none.</summary>
internal enum PositionRule
{
    /// <summary>0, 1, ... from the cache's length on.</summary>
    Sequence,

    /// <summary>Counts the real tokens of the attention mask (OPT).</summary>
    Mask,

    /// <summary>Counts the ids that are not the padding id (RoBERTa); padded tokens have the padding id's position.</summary>
    Ids,
}

/// <summary>The input side of a model: tables that are added up, a norm, projections. Paths are relative to the base model.</summary>
internal sealed record EmbeddingConfig
{
    public string Tokens { get; init; } = "embed_tokens";

    /// <summary>Width of the token table.</summary>
    public required int Size { get; init; }

    /// <summary>Path of learned positions; null: none.</summary>
    public string? Positions { get; init; }

    /// <summary>Rows of that table.</summary>
    public int PositionRows { get; init; }

    /// <summary>Added to each position.</summary>
    public int PositionOffset { get; init; }

    public PositionRule PositionRule { get; init; }

    /// <summary>Path of token types; null: none.</summary>
    public string? Types { get; init; }

    public int TypeRows { get; init; }

    /// <summary>Path of the norm on the sum; null: none.</summary>
    public string? Norm { get; init; }

    /// <summary>Path of a projection of the token vectors alone (OPT); null: none.</summary>
    public string? TokenProjection { get; init; }

    /// <summary>Path of a projection before the norm (DeBERTa); null: none.</summary>
    public string? InnerProjection { get; init; }

    /// <summary>Path of a projection, with bias, after the norm (ELECTRA); null: none.</summary>
    public string? Projection { get; init; }

    /// <summary>Factor on the token vectors, rounded to the weights' type.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The row that gets no gradient, or null.</summary>
    public int? PaddingId { get; init; }

    /// <summary>Whether padded tokens become zero vectors (DeBERTa).</summary>
    public bool ZeroPadding { get; init; }
}
