using LoraSharp.Data;
using LoraSharp.Training;

namespace LoraSharp;

/// <summary>Options of supervised fine-tuning: TRL's SFTConfig, with its defaults.</summary>
public sealed record SftOptions : TrainingOptions
{
    /// <summary>Sets the defaults that differ from <see cref="TrainingOptions"/>: rate 2e-5 (1e-4 to 2e-4 is usual for adapters), a log entry every 10 steps.</summary>
    public SftOptions()
    {
        LearningRate = 2e-5;
        LoggingSteps = 10;
    }

    /// <summary>The column of plain text. Default: <c>text</c>.</summary>
    public string TextColumn { get; init; } = "text";

    /// <summary>Tokens at which rows are cut, keeping their start; with packing the length of packed rows; null: no limit. Default: 1024.</summary>
    public int? MaxLength { get; init; } = 1024;

    /// <summary>Puts several rows into one. Documents never see each other, except with the strategy that says so. Default: false.</summary>
    public bool Packing { get; init; }

    /// <summary>How rows are packed. Default: best fit, decreasing.</summary>
    public PackingStrategy PackingStrategy { get; init; }

    /// <summary>Makes each batch one row without padding. Default: false.</summary>
    public bool PaddingFree { get; init; }

    /// <summary>Rounds the length of a batch up to a multiple of this. Default: null.</summary>
    public int? PadToMultipleOf { get; init; }

    /// <summary>Learns the completions only. Default: null, exactly when the rows have a prompt and a completion.</summary>
    public bool? CompletionOnlyLoss { get; init; }

    /// <summary>Learns what the assistant wrote only; needs chats and a template that marks it. Default: false.</summary>
    public bool AssistantOnlyLoss { get; init; }

    internal PreparationOptions Preparation => new()
    {
        TextColumn = TextColumn,
        MaxLength = MaxLength,
        Packing = Packing,
        PackingStrategy = PackingStrategy,
        PaddingFree = PaddingFree,
        PadToMultipleOf = PadToMultipleOf,
        CompletionOnlyLoss = CompletionOnlyLoss,
        AssistantOnlyLoss = AssistantOnlyLoss,
    };

    internal override void Validate()
    {
        base.Validate();
        try
        {
            Preparation.Validate();
        }
        catch (ArgumentException e)
        {
            throw new TrainingException($"SftOptions: {e.Message}", e);
        }
    }
}
