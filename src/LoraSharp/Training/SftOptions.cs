using LoraSharp.Data;
using LoraSharp.Training;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>Options of supervised fine-tuning: TRL's SFTConfig, with its defaults unless a property says otherwise.</summary>
public sealed record SftOptions : TrainingOptions
{
    /// <summary>
    /// Sets the defaults that differ from <see cref="TrainingOptions"/>: rate 2e-5 (1e-4 to 2e-4 is usual for adapters), a log entry every 10 steps. TRL also turns <see cref="TrainingOptions.GradientCheckpointing"/>
    /// and bfloat16 <see cref="TrainingOptions.Precision"/> on; here both must be asked for, as they make training slower on many CPUs.
    /// </summary>
    public SftOptions()
    {
        LearningRate = 2e-5;
        LoggingSteps = 10;
    }

    /// <summary>The column of plain text. Default: <c>text</c>.</summary>
    public string TextColumn { get; init; } = "text";

    /// <summary>
    /// The text that ends rows of text, prompts and completions, which must be one token of the vocabulary; it becomes the tokenizer's <c>eos_token</c>. Default: null, the tokenizer's own.
    /// </summary>
    public string? EosToken { get; init; }

    /// <summary>Tokens at which rows are cut; with packing the length of packed rows; null: no limit. Default: 1024.</summary>
    public int? MaxLength { get; init; } = 1024;

    /// <summary>Which end of a row that is too long stays. Default: its start.</summary>
    public TruncationMode TruncationMode { get; init; }

    /// <summary>Shuffles the rows once while they are prepared, with <see cref="TrainingOptions.Seed"/>; with packing before and after it. Default: false.</summary>
    public bool ShuffleDataset { get; init; }

    /// <summary>Puts several rows into one. Documents never see each other, except with the strategy that says so. Default: false.</summary>
    public bool Packing { get; init; }

    /// <summary>How rows are packed. Default: best fit, decreasing.</summary>
    public PackingStrategy PackingStrategy { get; init; }

    /// <summary>Whether evaluation rows are packed. Default: null, as <see cref="Packing"/> says.</summary>
    public bool? EvalPacking { get; init; }

    /// <summary>Makes each batch one row without padding. Default: false.</summary>
    public bool PaddingFree { get; init; }

    /// <summary>Rounds the length of a batch up to a multiple of this. Default: null.</summary>
    public int? PadToMultipleOf { get; init; }

    /// <summary>Learns the completions only. Default: null, exactly when the rows have a prompt and a completion.</summary>
    public bool? CompletionOnlyLoss { get; init; }

    /// <summary>Learns what the assistant wrote only; needs chats and a template that marks it. Default: false.</summary>
    public bool AssistantOnlyLoss { get; init; }

    /// <summary>Strength of the noise on the input embeddings while training (NEFTune, arXiv:2310.05914; 5 is usual). Default: null, no noise.</summary>
    public double? NeftuneNoiseAlpha { get; init; }

    /// <summary>
    /// Weight of the load-balancing loss of mixture-of-experts models in the loss; with it, layers cannot be checkpointed. Default: null, <c>router_aux_loss_coef</c> of the model's configuration where that
    /// sets <c>output_router_logits</c>, else 0.
    /// </summary>
    public double? RouterLossFactor { get; init; }

    /// <summary>
    /// The type that the trained adapters are converted to before training, their optimizer states with them. Default: null, the types that they have. (TRL converts those of a 4-bit base to bfloat16.)
    /// </summary>
    public ScalarType? AdapterDtype { get; init; }

    /// <summary>How rows are tokenised: threads, progress, and a folder that keeps the tokens for the next run. Default: all processors, nothing kept.</summary>
    public DataPreparationOptions DataPreparation { get; init; } = new();

    internal PreparationOptions Preparation => new()
    {
        TextColumn = TextColumn,
        MaxLength = MaxLength,
        TruncationMode = TruncationMode,
        Packing = Packing,
        PackingStrategy = PackingStrategy,
        PaddingFree = PaddingFree,
        PadToMultipleOf = PadToMultipleOf,
        CompletionOnlyLoss = CompletionOnlyLoss,
        AssistantOnlyLoss = AssistantOnlyLoss,
        ShuffleSeed = ShuffleDataset ? Seed : null,
    };

    internal PreparationOptions EvalPreparation => Preparation with { Packing = EvalPacking ?? Packing, ShuffleSeed = null };

    internal override void Validate()
    {
        base.Validate();
        Require(NeftuneNoiseAlpha is null || (double.IsFinite(NeftuneNoiseAlpha.Value) && NeftuneNoiseAlpha > 0), $"NeftuneNoiseAlpha is {NeftuneNoiseAlpha}; it must be above 0 (5 is usual), or null for no noise.");
        Require(RouterLossFactor is null || (double.IsFinite(RouterLossFactor.Value) && RouterLossFactor >= 0), $"RouterLossFactor is {RouterLossFactor}; it must be at least 0, or null for the model's own.");
        Require(
            AdapterDtype is null or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16,
            $"AdapterDtype is {AdapterDtype}; adapters are trained in Float32, BFloat16 or Float16.");
        try
        {
            DataPreparation.Validate();
            Preparation.Validate();
            EvalPreparation.Validate();
        }
        catch (ArgumentException e)
        {
            throw new TrainingException($"SftOptions: {e.Message}", e);
        }
    }
}
