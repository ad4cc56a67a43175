using System.Diagnostics;
using LoraSharp.Data;
using LoraSharp.Interop;
using LoraSharp.Training.Checkpoints;
using LoraSharp.Training.Logging;
using LoraSharp.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>
/// The loop that every trainer shares: windows of micro-batches, accumulation, clipping, optimizer and schedule, logging, evaluation, checkpoints. Semantics of transformers' Trainer.
/// </summary>
internal sealed class TrainingLoop
{
    private readonly TrainingTask _task;
    private readonly TrainingOptions _options;
    private readonly EpochSampler _sampler;
    private readonly IOptimizer _optimizer;
    private readonly LearningRateSchedule _schedule;
    private readonly TensorBoardLog? _tensorBoard;
    private readonly MetricWindow _window = new();
    private readonly int _updatesPerEpoch;
    private TrainerState _state;
    private double _lastGradNorm;
    private double _lastLearningRate;

    public TrainingLoop(TrainingTask task, TrainingOptions options)
    {
        _task = task;
        _options = options;
        _sampler = new EpochSampler(
            options.Sampling, task.Rows, options.BatchSize, options.GradientAccumulationSteps, options.Seed, options.DataSeed, options.DropLast,
            options.Sampling == SamplingStrategy.GroupByLength ? task.Lengths : null);
        if (_sampler.BatchesPerEpoch == 0)
        {
            throw new TrainingException($"There are {task.Rows} rows, which make no batch of {options.BatchSize}. Give more rows, a smaller BatchSize, or leave DropLast off.");
        }

        IReadOnlyList<ParameterGroup> groups = ParameterGroup.ForModule(task.Model, options.LearningRate, options.WeightDecay);
        if (groups.All(group => group.Parameters.Count == 0))
        {
            throw new TrainingException("Nothing in this model is trainable. Add an adapter (model.AddLora(...)) or unfreeze parameters.");
        }

        _updatesPerEpoch = (_sampler.BatchesPerEpoch + options.GradientAccumulationSteps - 1) / options.GradientAccumulationSteps;
        TotalSteps = options.MaxSteps > 0 ? options.MaxSteps : (int)Math.Ceiling(options.Epochs * _updatesPerEpoch);
        _optimizer = OptimizerFactory.Create(options.Optimizer, groups, options.OptimizerOptions);
        _schedule = LearningRateSchedule.Create(
            options.Scheduler, options.LearningRate, LearningRateSchedule.ResolveWarmupSteps(options.WarmupSteps, TotalSteps), TotalSteps, options.SchedulerOptions,
            [.. groups.Select(_ => options.LearningRate)]);
        _tensorBoard = options.TensorBoard ? new TensorBoardLog(Path.Combine(options.OutputDirectory, "runs")) : null;
        _state = new TrainerState();
    }

    public int TotalSteps { get; }

    /// <summary>Sees the optimizer's parameters and gradients just before clipping; for tests that compare gradients.</summary>
    public Action<int, IReadOnlyList<ParameterGroup>>? BeforeClipping { get; set; }

    /// <summary>Trains; a loop runs once.</summary>
    public TrainingResult Run(string? resumeFrom, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();

        // A folder that cannot be written shows now, not when the first checkpoint is due.
        Directory.CreateDirectory(_options.OutputDirectory);
        manual_seed(_options.Seed);
        if (resumeFrom is not null)
        {
            _state = TrainingCheckpoint.Load(TrainingCheckpoint.Resolve(resumeFrom), _task, _optimizer, _schedule);
        }

        Describe(_state);
        int firstStep = _state.GlobalStep;
        double totalLoss = 0;
        bool wasTraining = _task.Model.training;
        _task.Model.train();
        try
        {
            while (_state.GlobalStep < TotalSteps)
            {
                int epoch = _state.GlobalStep / _updatesPerEpoch, done = _state.GlobalStep % _updatesPerEpoch * _options.GradientAccumulationSteps;
                foreach (int[][] window in _sampler.Batches(epoch, done).Chunk(_options.GradientAccumulationSteps))
                {
                    double loss = Step(window, cancellationToken);
                    totalLoss += loss;
                    done += window.Length;
                    _state.Epoch = epoch + ((double)done / _sampler.BatchesPerEpoch);
                    Report(loss, watch.Elapsed);
                    AfterStep(done >= _sampler.BatchesPerEpoch, cancellationToken);
                    if (_state.GlobalStep >= TotalSteps)
                    {
                        break;
                    }
                }
            }

            return Finish(totalLoss / Math.Max(1, _state.GlobalStep - firstStep), watch.Elapsed, _state.GlobalStep - firstStep);
        }
        finally
        {
            _task.Model.train(wasTraining);
            _optimizer.ZeroGrad();
            _optimizer.Dispose();
        }
    }

    private double Step(int[][] window, CancellationToken cancellationToken)
    {
        Batch[] batches = [.. window.Select(_task.Collate)];
        try
        {
            double divisor = Math.Max(1, batches.Sum(batch => batch.LabelCount)), total = 0;
            foreach (Batch batch in batches)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                Tensor loss = _task.Loss(batch, divisor, out TokenMetrics metrics);
                double value = loss.to(ScalarType.Float64).item<double>();
                if (!double.IsFinite(value))
                {
                    throw Diverged($"The loss is {value}");
                }

                Backward.Run(loss);
                _window.AddMicroBatch(value, metrics, batch.TokenCount);
                total += value;
            }

            Update();
            return total;
        }
        finally
        {
            Array.ForEach(batches, batch => batch.Dispose());
        }
    }

    private void Update()
    {
        BeforeClipping?.Invoke(_state.GlobalStep, _optimizer.Groups);
        _lastGradNorm = GradientClipping.Clip(_optimizer.Groups, _options.MaxGradNorm);
        if (!double.IsFinite(_lastGradNorm))
        {
            throw Diverged($"The gradients' norm is {_lastGradNorm}");
        }

        for (int i = 0; i < _optimizer.Groups.Count; i++)
        {
            _optimizer.Groups[i].LearningRate = _schedule.Rates[i];
        }

        _lastLearningRate = _schedule.Rates[0];
        if (!_optimizer.Step())
        {
            throw Diverged(_optimizer.SkippedBecause!.TrimEnd('.'));
        }

        _schedule.AfterOptimizerStep();
        _optimizer.ZeroGrad();
        _state.GlobalStep++;
        _window.AddStep();
    }

    // Before the update, so the weights are those of the last good step.
    private TrainingException Diverged(string what) =>
        new($"{what} at step {_state.GlobalStep + 1}; training stopped before the weights were changed. Lower LearningRate, set MaxGradNorm, or look for bad rows. Checkpoints are intact.");

    private void AfterStep(bool epochEnds, CancellationToken cancellationToken)
    {
        bool last = _state.GlobalStep >= TotalSteps;
        if (_state.GlobalStep % _options.LoggingSteps == 0)
        {
            var entry = new Dictionary<string, double>(StringComparer.Ordinal)
            {
                ["loss"] = _window.TakeLoss(),
                ["grad_norm"] = _lastGradNorm,
                ["learning_rate"] = _lastLearningRate,
            };
            _window.TakeMetrics(entry);
            Log(entry);
        }

        if (_task.EvalRows > 0 && Due(_options.EvalStrategy, _options.EvalSteps ?? _options.LoggingSteps, epochEnds, last))
        {
            Log(Evaluate(cancellationToken));
        }

        if (Due(_options.SaveStrategy, _options.SaveSteps, epochEnds, last))
        {
            Checkpoint();
        }
    }

    private bool Due(StepStrategy strategy, int steps, bool epochEnds, bool last) => strategy switch
    {
        StepStrategy.Steps => last || _state.GlobalStep % steps == 0,
        StepStrategy.Epoch => epochEnds || last,
        _ => false,
    };

    /// <summary>Losses over the evaluation rows; each batch's mean weighs as much as it has rows.</summary>
    public Dictionary<string, double> Evaluate(CancellationToken cancellationToken)
    {
        bool wasTraining = _task.Model.training;
        _task.Model.eval();
        try
        {
            using var noGrad = no_grad();
            double loss = 0, entropy = 0, accuracy = 0;
            int batches = 0;
            foreach (int[] rows in Enumerable.Range(0, _task.EvalRows).Chunk(_options.EvalBatchSize))
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using Batch batch = _task.CollateEval(rows);
                Tensor mean = _task.Loss(batch, Math.Max(1, batch.LabelCount), out TokenMetrics metrics);
                loss += mean.to(ScalarType.Float64).item<double>() * rows.Length;
                entropy += metrics.Entropy;
                accuracy += metrics.Accuracy;
                batches++;
            }

            return new Dictionary<string, double>(StringComparer.Ordinal)
            {
                ["eval_loss"] = loss / _task.EvalRows,
                ["eval_entropy"] = entropy / batches,
                ["eval_mean_token_accuracy"] = accuracy / batches,
                ["eval_num_tokens"] = _window.Tokens,
            };
        }
        finally
        {
            _task.Model.train(wasTraining);
        }
    }

    private void Checkpoint()
    {
        RequireFiniteWeights();
        string folder = TrainingCheckpoint.FolderOf(_options.OutputDirectory, _state.GlobalStep);
        TrainingCheckpoint.Save(folder, _task, _optimizer, _schedule, _state);
        if (_options.SaveTotalLimit is { } limit)
        {
            TrainingCheckpoint.Rotate(_options.OutputDirectory, limit);
        }
    }

    // A checkpoint that cannot be resumed must not push out one that can.
    private void RequireFiniteWeights()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        NamedParameter? bad = _optimizer.Groups.SelectMany(group => group.Parameters).FirstOrDefault(parameter => !parameter.Value.isfinite().all().item<bool>());
        if (bad is not null)
        {
            throw new TrainingException(
                $"'{bad.Name}' is not finite after step {_state.GlobalStep}; no checkpoint of it was written, and the earlier ones are intact. Lower LearningRate, and resume from the last checkpoint.");
        }
    }

    private void Log(Dictionary<string, double> entry)
    {
        entry["epoch"] = _state.Epoch;
        entry["step"] = _state.GlobalStep;
        _state.LogHistory.Add(entry);
        _tensorBoard?.Write(entry, _state.GlobalStep);
    }

    private TrainingResult Finish(double trainLoss, TimeSpan elapsed, int steps)
    {
        var entry = new Dictionary<string, double>(StringComparer.Ordinal)
        {
            ["train_runtime"] = elapsed.TotalSeconds,
            ["train_steps_per_second"] = steps / Math.Max(1e-9, elapsed.TotalSeconds),
            ["train_loss"] = trainLoss,
        };
        if (_window.HasMicroBatches && !_state.LogHistory.LastOrDefault(new Dictionary<string, double>()).ContainsKey("eval_loss"))
        {
            // Of the steps since the last entry, as the reference does: not when an evaluation came last.
            _window.TakeMetrics(entry);
        }

        Log(entry);
        return new TrainingResult(_state.GlobalStep, trainLoss, _state.LogHistory);
    }

    private void Report(double loss, TimeSpan elapsed) =>
        _options.Progress?.Report(new TrainingProgress(_state.GlobalStep, TotalSteps, _state.Epoch, loss, _lastLearningRate, _lastGradNorm, _window.Tokens, elapsed));

    private void Describe(TrainerState state)
    {
        state.MaxSteps = TotalSteps;
        state.NumTrainEpochs = _options.MaxSteps > 0 ? (double)TotalSteps / _updatesPerEpoch : _options.Epochs;
        state.LoggingSteps = _options.LoggingSteps;
        state.EvalSteps = _options.EvalSteps ?? _options.LoggingSteps;
        state.SaveSteps = _options.SaveSteps;
        state.TrainBatchSize = _options.BatchSize;
    }
}
