namespace LoraSharp.Models;

/// <summary>An encoder-decoder model as its family describes it.</summary>
internal sealed record Seq2SeqSpec
{
    public required string ClassName { get; init; }

    public required CheckpointLayout Layout { get; init; }

    /// <summary>Path of the token table that both halves share.</summary>
    public required string Tokens { get; init; }

    /// <summary>Path of the encoder.</summary>
    public required string EncoderPath { get; init; }

    /// <summary>Path of the decoder.</summary>
    public required string DecoderPath { get; init; }

    public required TransformerConfig Encoder { get; init; }

    public required TransformerConfig Decoder { get; init; }

    public required LanguageHeadConfig Language { get; init; }

    /// <summary>Name of constants (1, vocabulary) that are added to the logits, in files that have them; null: none.</summary>
    public string? LogitsBias { get; init; }

    public required int PaddingId { get; init; }

    /// <summary>The decoder's first token.</summary>
    public required int StartId { get; init; }

    /// <summary>Whether, in training, the decoder starts with the row's last real token (mBART's language code) instead.</summary>
    public bool StartsWithLastToken { get; init; }
}
