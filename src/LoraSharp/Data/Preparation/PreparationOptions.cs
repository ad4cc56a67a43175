namespace LoraSharp.Data;

/// <summary>How rows become training rows. The names and defaults are those of TRL's SFTConfig.</summary>
internal sealed record PreparationOptions
{
    /// <summary>The column of plain text.</summary>
    public string TextColumn { get; init; } = "text";

    /// <summary>The longest row, and with packing the length of all; null for no limit.</summary>
    public int? MaxLength { get; init; } = 1024;

    public TruncationMode TruncationMode { get; init; }

    public bool Packing { get; init; }

    public PackingStrategy PackingStrategy { get; init; }

    /// <summary>Whether a batch is one row without padding; packing with isolated documents always is.</summary>
    public bool PaddingFree { get; init; }

    /// <summary>What the length of a batch is rounded up to a multiple of.</summary>
    public int? PadToMultipleOf { get; init; }

    /// <summary>Whether only completions are learned; null: exactly when the rows have prompt and completion.</summary>
    public bool? CompletionOnlyLoss { get; init; }

    /// <summary>Whether only what the assistant wrote is learned; needs chats and a template that marks it.</summary>
    public bool AssistantOnlyLoss { get; init; }

    /// <summary>Shuffles the rows with this seed, before packing and after it; null keeps the order.</summary>
    public long? ShuffleSeed { get; init; }

    /// <summary>Whether batches are padding-free in the end.</summary>
    public bool ResolvedPaddingFree => PaddingFree || (Packing && PackingStrategy != PackingStrategy.Wrapped);

    /// <summary>Says what does not fit together, before any row is read.</summary>
    public void Validate()
    {
        if (MaxLength < 1)
        {
            throw new ArgumentException($"The maximal length ({MaxLength}) must be at least 1, or null for no limit.");
        }

        if (PadToMultipleOf < 1)
        {
            throw new ArgumentException($"Padding to a multiple of {PadToMultipleOf} is not possible; give at least 1, or null.");
        }

        if (Packing && MaxLength is null)
        {
            throw new ArgumentException("Packing needs a maximal length: it is the length of the packed rows.");
        }

        if (PaddingFree && !Packing && MaxLength is not null)
        {
            throw new ArgumentException(
                "Padding-free batches without packing cannot be combined with a maximal length; set the maximal length to null, or use packing.");
        }
    }
}
