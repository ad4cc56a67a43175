using System.Diagnostics;
using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Interop;
using LoraSharp.Training.Checkpoints;
using LoraSharp.Training.Logging;
using LoraSharp.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>
/// The loop that every trainer shares: epochs, windows of micro-batches, and after each step what the callbacks ask for. Semantics of transformers' Trainer.
/// </summary>
internal sealed class TrainingLoop
{
    private readonly TrainingTask _task;
    private readonly TrainingOptions _options;
    private readonly CallbackHandler _callbacks;
    private readonly EpochSampler _sampler;
    private readonly IOptimizer _optimizer;
    private readonly LearningRateSchedule _schedule;
    private readonly OptimizerUpdate _update;
    private readonly GradientMemory _gradients;
    private readonly Evaluator _evaluator;
    private readonly CheckpointKeeper _checkpoints;
    private readonly MetricWindow _window = new();
    private readonly Stopwatch _watch = new();
    private readonly int _updatesPerEpoch;
    private int _lastLogged;
    private long _rowsSeen;
    private double _totalLoss;

    public TrainingLoop(TrainingTask task, TrainingOptions options, CallbackHandler? callbacks = null)
    {
        _task = task;
        _options = options;
        _callbacks = callbacks ?? new CallbackHandler(options, task.Model);
        _sampler = new EpochSampler(
            options.Sampling, task.Rows, options.BatchSize, options.GradientAccumulationSteps, options.Seed, options.DataSeed, options.DropLast,
            options.Sampling == SamplingStrategy.GroupByLength ? task.Lengths : null);
        if (_sampler.BatchesPerEpoch == 0)
        {
            throw new TrainingException($"There are {task.Rows} rows, which make no batch of {options.BatchSize}. Give more rows, a smaller BatchSize, or leave DropLast off.");
        }

        IReadOnlyList<ParameterGroup> groups = ParameterGroup.ForModule(task.Model, options.LearningRate, options.WeightDecay);
        RequireTrainable(groups, options.Precision);
        _updatesPerEpoch = (_sampler.BatchesPerEpoch + options.GradientAccumulationSteps - 1) / options.GradientAccumulationSteps;
        TotalSteps = options.MaxSteps > 0 ? options.MaxSteps : (int)Math.Ceiling(options.Epochs * _updatesPerEpoch);
        _optimizer = OptimizerFactory.Create(options.Optimizer, groups, options.OptimizerOptions);
        _schedule = LearningRateSchedule.Create(
            options.Scheduler, options.LearningRate, LearningRateSchedule.ResolveWarmupSteps(options.WarmupSteps, TotalSteps), TotalSteps, options.SchedulerOptions,
            [.. groups.Select(_ => options.LearningRate)]);
        GradientScaler? scaler = options.Precision == MixedPrecision.Float16 ? new GradientScaler() : null;
        _gradients = new GradientMemory(groups);
        _update = new OptimizerUpdate(_optimizer, _gradients, _schedule, scaler, options, _callbacks);
        _evaluator = new Evaluator(task, options, _callbacks);
        _checkpoints = new CheckpointKeeper(new RunParts(task, _optimizer, _schedule, scaler, _callbacks), options);
    }

    public int TotalSteps { get; }

    /// <inheritdoc cref="OptimizerUpdate.BeforeClipping"/>
    public Action<int, IReadOnlyList<ParameterGroup>>? BeforeClipping
    {
        set => _update.BeforeClipping = value;
    }

    private TrainerState State => _callbacks.Context.State;

    private TrainerControl Control => _callbacks.Control;

    /// <summary>Trains; a loop runs once.</summary>
    public TrainingResult Run(string? resumeFrom, CancellationToken cancellationToken)
    {
        _watch.Start();
        TrainerContext context = _callbacks.Context;
        bool wasTraining = _task.Model.training;
        try
        {
            // A folder that cannot be written shows now, not when the first checkpoint is due.
            Directory.CreateDirectory(_options.OutputDirectory);
            manual_seed(_options.Seed);
            context.State = resumeFrom is null ? new TrainerState() : _checkpoints.Resume(resumeFrom);
            Describe(State);
            (context.Optimizer, context.Schedule, context.Progress) = (_optimizer, _schedule, null);
            using var precision = Autocast.Use(_task.Model, _options.Precision);
            _task.Model.train();
            return RunEpochs(cancellationToken);
        }
        finally
        {
            _task.Model.train(wasTraining);
            (context.Optimizer, context.Schedule) = (null, null);
            _gradients.Dispose();
            _optimizer.ZeroGrad();
            _optimizer.Dispose();
        }
    }

    private TrainingResult RunEpochs(CancellationToken cancellationToken)
    {
        int firstStep = _lastLogged = State.GlobalStep;
        (int epoch, int done) = Position();
        _callbacks.TrainBegin();
        if (_options.EvalOnStart)
        {
            _evaluator.Evaluate(cancellationToken);
        }

        int epochs = (TotalSteps + _updatesPerEpoch - 1) / _updatesPerEpoch;
        for (; epoch < epochs && State.GlobalStep < TotalSteps && !Control.ShouldTrainingStop; epoch++, done = 0)
        {
            RunEpoch(epoch, done, cancellationToken);
        }

        if (_options.LoadBestModelAtEnd)
        {
            _checkpoints.LoadBest();
        }

        return Finish(State.GlobalStep - firstStep);
    }

    private void RunEpoch(int epoch, int done, CancellationToken cancellationToken)
    {
        _callbacks.EpochBegin();
        foreach (int[][] window in _sampler.Batches(epoch, done).Chunk(_options.GradientAccumulationSteps))
        {
            _callbacks.StepBegin();
            double loss = Step(window, cancellationToken);
            done += window.Length;
            State.Epoch = epoch + ((double)done / _sampler.BatchesPerEpoch);
            _callbacks.Context.Progress = new TrainingProgress(
                State.GlobalStep, TotalSteps, State.Epoch, loss, _update.LearningRate, _update.GradNorm, _window.Tokens, _watch.Elapsed);
            _callbacks.StepEnd();
            LogEvaluateSave(cancellationToken);
            if (Control.ShouldEpochStop || Control.ShouldTrainingStop)
            {
                break;
            }
        }

        _callbacks.EpochEnd();
        LogEvaluateSave(cancellationToken);
    }

    private double Step(int[][] window, CancellationToken cancellationToken)
    {
        Batch[] batches = [.. window.Select(_task.Collate)];
        try
        {
            _update.Begin();
            var weight = new LossWeight(Math.Max(1, batches.Sum(batch => batch.LabelCount)), batches.Length, _update.LossScale);
            double total = 0;
            for (int i = 0; i < batches.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                total += ForwardBackward(batches[i], weight);
                if (i < batches.Length - 1)
                {
                    _callbacks.SubstepEnd();
                }
            }

            _update.Take();
            State.GlobalStep++;
            _window.AddStep();
            _rowsSeen += batches.Sum(batch => batch.Rows);
            _totalLoss += total;
            return total;
        }
        finally
        {
            Array.ForEach(batches, batch => batch.Dispose());
        }
    }

    private double ForwardBackward(Batch batch, LossWeight weight)
    {
        using var scope = NewDisposeScope();
        Tensor loss = _task.Loss(batch, weight, out TokenMetrics metrics);
        double value = loss.to(ScalarType.Float64).item<double>() / weight.Scale;
        if (!double.IsFinite(value))
        {
            throw _update.Diverged($"The loss is {value}");
        }

        Backward.Run(loss);
        _window.AddMicroBatch(value, metrics, batch.TokenCount);
        return value;
    }

    private void LogEvaluateSave(CancellationToken cancellationToken)
    {
        if (Control.ShouldLog && State.GlobalStep > _lastLogged)
        {
            var entry = new Dictionary<string, double>(StringComparer.Ordinal)
            {
                ["loss"] = _window.TakeLoss(),
                ["grad_norm"] = _update.GradNorm,
                ["learning_rate"] = _update.LearningRate,
            };
            _window.TakeMetrics(entry);
            _lastLogged = State.GlobalStep;
            _callbacks.Log(entry);
        }

        if (Control.ShouldEvaluate && _task.EvalSets.Count > 0)
        {
            Dictionary<string, double> metrics = _evaluator.Evaluate(cancellationToken);
            if (_checkpoints.NoteBest(metrics) && _options.SaveStrategy == StepStrategy.Best)
            {
                Control.ShouldSave = true;
            }

            if (_options.IsMetricDriven)
            {
                _schedule.AfterEvaluation(metrics[_options.ResolvedMetric!]);
            }
        }

        if (Control.ShouldSave)
        {
            _checkpoints.Save();
            _callbacks.Saved();
        }
    }

    // Where in the data a run goes on. A callback may have ended epochs early, so the steps do not say it.
    private (int Epoch, int MicroBatches) Position()
    {
        int epoch = (int)Math.Floor(State.Epoch + 1e-9), done = (int)Math.Round((State.Epoch - epoch) * _sampler.BatchesPerEpoch);
        return done > 0 && TrainerControl.HadEndedEpoch(State.StatefulCallbacks) ? (epoch + 1, 0) : (epoch, Math.Max(0, done));
    }

    private TrainingResult Finish(int steps)
    {
        double trainLoss = _totalLoss / Math.Max(1, steps), seconds = Math.Max(1e-9, _watch.Elapsed.TotalSeconds);
        var entry = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            ["train_runtime"] = seconds,
            ["train_samples_per_second"] = _rowsSeen / seconds,
            ["train_steps_per_second"] = steps / seconds,
            ["train_loss"] = trainLoss,
        };
        if (_window.HasMicroBatches && State.LogHistory.LastOrDefault()?.Keys.Any(key => key.StartsWith("eval_", StringComparison.Ordinal)) != true)
        {
            // Of the steps since the last entry, as the reference does: not when an evaluation came last.
            _window.TakeMetrics(entry);
        }

        _callbacks.Log(entry);
        State.StatefulCallbacks = _callbacks.SaveStates();
        AtomicFile.Write(Path.Combine(_options.OutputDirectory, TrainerState.FileName), State.Write);
        _callbacks.TrainEnd();
        return new TrainingResult(State.GlobalStep, trainLoss, State.LogHistory, State.BestMetric, State.BestModelCheckpoint);
    }

    private void Describe(TrainerState state)
    {
        state.MaxSteps = TotalSteps;
        state.NumTrainEpochs = _options.MaxSteps > 0 ? (double)TotalSteps / _updatesPerEpoch : _options.Epochs;
        state.LoggingSteps = _options.LoggingSteps;
        state.EvalSteps = _options.ResolvedEvalSteps;
        state.SaveSteps = _options.SaveSteps;
        state.TrainBatchSize = _options.BatchSize;
    }

    private static void RequireTrainable(IReadOnlyList<ParameterGroup> groups, MixedPrecision precision)
    {
        IEnumerable<NamedParameter> parameters = groups.SelectMany(group => group.Parameters);
        if (!parameters.Any())
        {
            throw new TrainingException("Nothing in this model is trainable. Add an adapter (model.AddLora(...)) or unfreeze parameters.");
        }

        if (precision == MixedPrecision.Float16 && parameters.FirstOrDefault(parameter => parameter.Value.dtype == ScalarType.Float16) is { } half)
        {
            throw new TrainingException($"Precision Float16 needs trained weights in float32, but '{half.Name}' is Float16. Load the model in float32 (LoadOptions.Dtype), or train an adapter.");
        }
    }
}
