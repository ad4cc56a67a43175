using System.Runtime.CompilerServices;
using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Training;

namespace LoraSharp;

/// <summary>Supervised fine-tuning of a causal language model, and self-supervised training on plain text: the same loss with other labels. Semantics of TRL's SFTTrainer.</summary>
public sealed class SftTrainer
{
    private readonly CausalLM _model;
    private readonly Tokenizer? _tokenizer;
    private readonly SftOptions _options;
    private readonly SftTask _task;
    private readonly CallbackHandler _callbacks;
    private readonly Evaluator _evaluator;

    /// <summary>Prepares the rows and checks everything; the model is not changed and nothing is written yet.</summary>
    /// <param name="model">The model: with an adapter, or whole.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="trainData">Rows of text, chats, prompts and completions, or tokens; the first row decides.</param>
    /// <param name="options">The options.</param>
    /// <param name="evalData">Rows to evaluate on, or null.</param>
    /// <param name="cancellationToken">Stops the preparation.</param>
    /// <exception cref="TrainingException">An option is out of range.</exception>
    /// <exception cref="InvalidDataException">The data set is empty, or a row cannot be used; the message names it.</exception>
    [OverloadResolutionPriority(1)] // A null for evalData means this one.
    public SftTrainer(CausalLM model, Tokenizer tokenizer, Dataset trainData, SftOptions options, Dataset? evalData = null, CancellationToken cancellationToken = default)
        : this(model, tokenizer, SftRows.Prepare(tokenizer, trainData, options, cancellationToken), SftRows.PrepareEval(tokenizer, evalData, options, cancellationToken), options)
    {
    }

    /// <summary>As the other constructor, with several sets to evaluate on; their metrics are <c>eval_NAME_loss</c> and so on.</summary>
    /// <param name="model">The model: with an adapter, or whole.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="trainData">Rows to train on.</param>
    /// <param name="options">The options.</param>
    /// <param name="evalData">Rows to evaluate on, by name.</param>
    /// <param name="cancellationToken">Stops the preparation.</param>
    /// <exception cref="TrainingException">An option is out of range.</exception>
    /// <exception cref="InvalidDataException">A data set is empty, or a row cannot be used; the message names it.</exception>
    public SftTrainer(
        CausalLM model, Tokenizer tokenizer, Dataset trainData, SftOptions options, IReadOnlyDictionary<string, Dataset> evalData, CancellationToken cancellationToken = default)
        : this(model, tokenizer, SftRows.Prepare(tokenizer, trainData, options, cancellationToken), SftRows.PrepareEval(tokenizer, evalData, options, cancellationToken), options)
    {
    }

    internal SftTrainer(CausalLM model, Tokenizer? tokenizer, IReadOnlyList<TokenizedRow> rows, IReadOnlyList<TokenizedRow>? evalRows, SftOptions options)
        : this(model, tokenizer, rows, evalRows is null ? [] : [new EvalSet(null, evalRows)], options)
    {
    }

    private SftTrainer(CausalLM model, Tokenizer? tokenizer, IReadOnlyList<TokenizedRow> rows, EvalSet[] evalSets, SftOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        options.Validate();
        if (options.EvalStrategy != StepStrategy.No && evalSets.Length == 0)
        {
            throw new TrainingException($"EvalStrategy is {options.EvalStrategy}, but there are no evaluation rows; pass evalData, or set it to No.");
        }

        if (options.RouterLossFactor > 0 && model.RouterLossFactor == 0)
        {
            throw new TrainingException($"RouterLossFactor is {options.RouterLossFactor}, but '{model.Config.ModelType}' has no routers; it is for mixture-of-experts models.");
        }

        SftRows.RequireFit(model, rows, "training");
        foreach (EvalSet set in evalSets)
        {
            SftRows.RequireFit(model, set.Rows, "evaluation");
        }

        (_model, _tokenizer, _options) = (model, tokenizer, options);
        _task = new SftTask(model, rows, evalSets, options, SftRows.PadId(model, tokenizer), tokenizer);
        _callbacks = new CallbackHandler(options, model);
        _evaluator = new Evaluator(_task, options, _callbacks);
        _callbacks.InitEnd();
    }

    /// <summary>Rows that are trained on, after cutting, dropping and packing.</summary>
    public int TrainRows => _task.Rows;

    /// <summary>Where the last run stands, and its log.</summary>
    public TrainerState State => _callbacks.Context.State;

    /// <summary>Lets tests look at the gradients of a step before they are clipped.</summary>
    internal Action<int, IReadOnlyList<ParameterGroup>>? BeforeClipping { get; set; }

    /// <summary>Trains, from the start or on from a checkpoint.</summary>
    /// <param name="resumeFrom">A checkpoint folder, or an output directory whose latest checkpoint is meant; null: from the start.</param>
    /// <param name="cancellationToken">Stops between two forward passes; the checkpoints written so far stay.</param>
    /// <exception cref="TrainingException">The loss or the gradients are not finite, the checkpoint does not fit, or a callback failed.</exception>
    public TrainingResult Train(string? resumeFrom = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _model.UseGradientCheckpointing(_options.GradientCheckpointing ? _options.CheckpointedLayers ?? int.MaxValue : 0);
        _task.ConvertAdapters();
        return new TrainingLoop(_task, _options, _callbacks) { BeforeClipping = BeforeClipping }.Run(resumeFrom, cancellationToken);
    }

    /// <summary>Evaluates on the evaluation rows: <c>eval_loss</c> and what else the log holds. The result is logged and shown to the callbacks.</summary>
    /// <exception cref="TrainingException">There are no evaluation rows.</exception>
    public IReadOnlyDictionary<string, double> Evaluate(CancellationToken cancellationToken = default) =>
        _task.EvalSets.Count > 0
            ? _evaluator.Evaluate(cancellationToken)
            : throw new TrainingException("There are no evaluation rows; pass evalData to the trainer.");

    /// <summary>Measures the model on rows that were not given before (<c>test_loss</c>, ...), and says what it predicts for each labelled token. Logits are never kept.</summary>
    /// <param name="data">Rows of any form, prepared as evaluation rows are, but not packed.</param>
    /// <param name="metricPrefix">What the metrics' names begin with. Default: <c>test</c>.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    /// <exception cref="InvalidDataException">The data set is empty, or a row cannot be used; the message names it.</exception>
    public PredictionResult Predict(Dataset data, string metricPrefix = "test", CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(metricPrefix);
        Tokenizer tokenizer = _tokenizer ?? throw new InvalidOperationException("This trainer was made without a tokenizer, which preparing rows needs.");
        SftOptions options = _options with { Packing = false, EvalPacking = false, PaddingFree = false };
        IReadOnlyList<TokenizedRow> rows = SftRows.PrepareEval(tokenizer, data, options, cancellationToken)[0].Rows;
        SftRows.RequireFit(_model, rows, "test");
        var task = new SftTask(_model, rows, [], options, SftRows.PadId(_model, tokenizer), tokenizer);
        return new Predictor(_model, task, new Evaluator(task, options, _callbacks), _callbacks).Predict(rows, metricPrefix + "_", cancellationToken);
    }

    /// <summary>Saves what was trained, with its tokenizer: the active adapter, or the whole model. The folder is the old one until the new one is complete.</summary>
    public void SaveModel(string folder) => AtomicFolder.Write(folder, _task.Save);
}
