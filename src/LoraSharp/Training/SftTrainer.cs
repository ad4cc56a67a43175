using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Models;
using LoraSharp.Training;

namespace LoraSharp;

/// <summary>Supervised fine-tuning of a causal language model, and self-supervised training on plain text: the same loss with other labels. Semantics of TRL's SFTTrainer.</summary>
public sealed class SftTrainer
{
    private readonly CausalLM _model;
    private readonly SftOptions _options;
    private readonly SftTask _task;

    /// <summary>Prepares the rows and checks everything; nothing is changed or written yet.</summary>
    /// <param name="model">The model: with an adapter, or whole.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="trainData">Rows of text, chats, prompts and completions, or tokens; the first row decides.</param>
    /// <param name="options">The options.</param>
    /// <param name="evalData">Rows to evaluate on, or null.</param>
    /// <param name="cancellationToken">Stops the preparation.</param>
    /// <exception cref="TrainingException">An option is out of range.</exception>
    /// <exception cref="InvalidDataException">The data set is empty, or a row cannot be used; the message names it.</exception>
    public SftTrainer(CausalLM model, Tokenizer tokenizer, Dataset trainData, SftOptions options, Dataset? evalData = null, CancellationToken cancellationToken = default)
        : this(model, tokenizer, Prepare(tokenizer, trainData, options, cancellationToken), evalData is null ? null : Prepare(tokenizer, evalData, options, cancellationToken), options)
    {
    }

    internal SftTrainer(CausalLM model, Tokenizer? tokenizer, IReadOnlyList<TokenizedRow> rows, IReadOnlyList<TokenizedRow>? evalRows, SftOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        options.Validate();
        if (options.EvalStrategy != StepStrategy.No && evalRows is null)
        {
            throw new TrainingException($"EvalStrategy is {options.EvalStrategy}, but there are no evaluation rows; pass evalData, or set it to No.");
        }

        RequireKnownTokens(model, rows, "training");
        RequireKnownTokens(model, evalRows ?? [], "evaluation");
        _model = model;
        _options = options;
        var collator = new BatchCollator(PadId(model, tokenizer), options.Preparation.ResolvedPaddingFree, options.PadToMultipleOf);
        _task = new SftTask(model, rows, evalRows, collator, options.LabelSmoothing, tokenizer);
    }

    /// <summary>Rows that are trained on, after cutting, dropping and packing.</summary>
    public int TrainRows => _task.Rows;

    /// <summary>Lets tests look at the gradients of a step before they are clipped.</summary>
    internal Action<int, IReadOnlyList<ParameterGroup>>? BeforeClipping { get; set; }

    /// <summary>Trains, from the start or on from a checkpoint.</summary>
    /// <param name="resumeFrom">A checkpoint folder, or an output directory whose latest checkpoint is meant; null: from the start.</param>
    /// <param name="cancellationToken">Stops between two forward passes; the checkpoints written so far stay.</param>
    /// <exception cref="TrainingException">The loss or the gradients are not finite, or the checkpoint does not fit.</exception>
    public TrainingResult Train(string? resumeFrom = null, CancellationToken cancellationToken = default)
    {
        _model.UseGradientCheckpointing(_options.GradientCheckpointing);
        return new TrainingLoop(_task, _options) { BeforeClipping = BeforeClipping }.Run(resumeFrom, cancellationToken);
    }

    /// <summary>Evaluates on the evaluation rows: <c>eval_loss</c> and what else the log holds.</summary>
    public IReadOnlyDictionary<string, double> Evaluate(CancellationToken cancellationToken = default) =>
        _task.EvalRows > 0
            ? new TrainingLoop(_task, _options).Evaluate(cancellationToken)
            : throw new TrainingException("There are no evaluation rows; pass evalData to the trainer.");

    /// <summary>Saves what was trained, with its tokenizer: the active adapter, or the whole model. The folder is the old one until the new one is complete.</summary>
    public void SaveModel(string folder) => AtomicFolder.Write(folder, _task.Save);

    private static IReadOnlyList<TokenizedRow> Prepare(Tokenizer tokenizer, Dataset data, SftOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return RowPreparation.Prepare(data, new TokenizerRowEncoder(tokenizer), options.Preparation, null, cancellationToken).RequireRows();
    }

    // Past the table's end libtorch reads nothing sensible, or fails in the middle of a run.
    private static void RequireKnownTokens(CausalLM model, IReadOnlyList<TokenizedRow> rows, string what)
    {
        int vocabulary = model.Config.Integer("vocab_size");
        for (int i = 0; i < rows.Count; i++)
        {
            foreach (int id in rows[i].InputIds)
            {
                if (id < 0 || id >= vocabulary)
                {
                    throw new InvalidDataException($"Row {i} of the {what} data holds the token id {id}, but the model knows the ids below {vocabulary}. Use the model's own tokenizer.");
                }
            }
        }
    }

    // Only places that padding fills carry this id, and they are masked by place, so any id does; the end token is the usual fallback.
    private static int PadId(CausalLM model, Tokenizer? tokenizer) =>
        tokenizer?.PadId ?? model.Config.OptionalInteger("pad_token_id") ?? tokenizer?.EosId ?? 0;
}
