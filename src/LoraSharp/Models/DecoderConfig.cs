using LoraSharp.Layers;

namespace LoraSharp.Models;

/// <summary>What the one decoder needs to know to be any of the decoder-only families: sizes and flags, filled by the family table from config.json.</summary>
internal sealed record DecoderConfig
{
    public required int VocabSize { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KvHeads { get; init; }

    public required int HeadDim { get; init; }

    public required double NormEps { get; init; }

    public required RopeOptions Rope { get; init; }

    public bool TieWordEmbeddings { get; init; }

    /// <summary>Bias on q, k, v.</summary>
    public bool QkvBias { get; init; }

    /// <summary>Bias on the attention's output projection.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Bias on gate, up and down.</summary>
    public bool MlpBias { get; init; }

    /// <summary>The embedding row that gets no gradient, or null.</summary>
    public int? PaddingId { get; init; }

    public double InitializerRange { get; init; } = 0.02;
}
