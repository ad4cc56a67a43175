using LoraSharp.Layers;

namespace LoraSharp.Models;

/// <summary>
/// What the one stack of layers needs to know to be the body of any supported model: sizes, flags and names, filled by the family table from config.json. Paths are
/// those of Hugging Face's modules, relative to the base model or, inside a layer, to the layer.
/// </summary>
internal sealed record TransformerConfig
{
    public required int VocabSize { get; init; }

    public required int HiddenSize { get; init; }

    public required int Layers { get; init; }

    public required EmbeddingConfig Embedding { get; init; }

    public required NormConfig Norm { get; init; }

    public required AttentionConfig Attention { get; init; }

    /// <summary>Attention to an encoder's output, or null.</summary>
    public AttentionConfig? CrossAttention { get; init; }

    public required FeedForwardConfig FeedForward { get; init; }

    public required BlockConfig Block { get; init; }

    /// <summary>Path of the layers; their numbers follow.</summary>
    public string LayersPath { get; init; } = "layers";

    /// <summary>Path of the norm after the last layer; null: none.</summary>
    public string? FinalNorm { get; init; } = "norm";

    /// <summary>Path of a projection after the final norm (OPT); null: none.</summary>
    public string? OutputProjection { get; init; }

    /// <summary>Features of the result.</summary>
    public int OutputFeatures => OutputProjection is null ? HiddenSize : Embedding.Size;

    /// <summary>Whether a token sees only earlier ones.</summary>
    public bool Causal { get; init; } = true;

    /// <summary>Whether padded tokens see nothing, in attention in both directions (DeBERTa).</summary>
    public bool BlindPadding { get; init; }

    /// <summary>What differs from layer to layer; one entry each.</summary>
    public required IReadOnlyList<LayerKind> Kinds { get; init; }

    /// <summary>T5's relative bias, or null.</summary>
    public RelativeBiasConfig? RelativeBias { get; init; }

    /// <summary>DeBERTa's relative positions and convolution, or null.</summary>
    public RelativePositionsConfig? RelativePositions { get; init; }

    /// <summary>Standard deviation of new weights.</summary>
    public double InitializerRange { get; init; } = 0.02;
}

/// <summary>The order of norms and sums in a layer. A null path: no norm there.</summary>
internal sealed record BlockConfig
{
    public string? PreAttention { get; init; }

    public string? PostAttention { get; init; }

    public string? PreCross { get; init; }

    public string? PostCross { get; init; }

    public string? PreFeedForward { get; init; }

    public string? PostFeedForward { get; init; }

    /// <summary>Whether the norms after a branch act on the sum x + branch instead of on the branch (BERT, BART).</summary>
    public bool NormAfterSum { get; init; }

    /// <summary>Whether attention and feed-forward both read the layer's input; without a norm of its own the feed-forward layer reads attention's.</summary>
    public bool Parallel { get; init; }

    /// <summary>Factor on each branch.</summary>
    public double ResidualScale { get; init; } = 1;

    /// <summary>Whether the first layer has no norm before attention (ModernBERT).</summary>
    public bool FirstIsPlain { get; init; }
}

/// <summary>What may differ from layer to layer.</summary>
/// <param name="Window">Causal: tokens that a query sees, itself included; else the largest distance. Null: all.</param>
/// <param name="Rope">Rotary positions, or null: none.</param>
internal sealed record LayerKind(int? Window, RopeOptions? Rope);

/// <summary>T5's relative bias: one number a head for each bucket of distances, shared by all layers.</summary>
/// <param name="Path">Path of the table.</param>
/// <param name="Buckets">Rows of the table.</param>
/// <param name="MaxDistance">Distance from which on all fall into the last bucket.</param>
internal sealed record RelativeBiasConfig(string Path, int Buckets, int MaxDistance);

/// <summary>DeBERTa's relative positions.</summary>
internal sealed record RelativePositionsConfig
{
    /// <summary>Path of the table of vectors.</summary>
    public required string Vectors { get; init; }

    /// <summary>Largest distance, or number of logarithmic buckets: the table has twice as many rows.</summary>
    public required int Span { get; init; }

    /// <summary>Number of logarithmic buckets, or 0: distances themselves.</summary>
    public int Buckets { get; init; }

    /// <summary>Distance that the last bucket stands for.</summary>
    public int MaxDistance { get; init; }

    /// <summary>Path of the norm on the table; null: none.</summary>
    public string? Norm { get; init; }

    /// <summary>The convolution after the first layer, or null.</summary>
    public ConvolutionConfig? Convolution { get; init; }
}
