using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>
/// Ends the run when <see cref="TrainingOptions.MetricForBestModel"/> has not become better for some evaluations in a row. Its count is kept in checkpoints. Semantics of transformers'
/// EarlyStoppingCallback.
/// </summary>
public sealed class EarlyStoppingCallback : TrainerCallback
{
    private const string CountKey = "early_stopping_patience_counter";
    private int _failed;
    private bool _restored;

    /// <summary>Creates the callback.</summary>
    /// <param name="patience">Evaluations in a row without improvement that end the run. Default: 1.</param>
    /// <param name="threshold">Changes that are not larger than this are no improvement. Default: 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The patience is below 1, or the threshold negative or not finite.</exception>
    public EarlyStoppingCallback(int patience = 1, double threshold = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patience, 1);
        if (!double.IsFinite(threshold) || threshold < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "The threshold is a finite number of at least 0.");
        }

        Patience = patience;
        Threshold = threshold;
    }

    /// <summary>Evaluations in a row without improvement that end the run.</summary>
    public int Patience { get; }

    /// <summary>Changes that are not larger than this are no improvement.</summary>
    public double Threshold { get; }

    /// <inheritdoc/>
    public override void OnTrainBegin(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Options.EvalStrategy == StepStrategy.No)
        {
            throw new TrainingException("EarlyStoppingCallback needs evaluations, but EvalStrategy is No. Set it to Steps or Epoch, and give evaluation rows.");
        }

        // A trainer may train several times; only a resumed run goes on counting.
        _failed = _restored ? _failed : 0;
        _restored = false;
    }

    /// <inheritdoc/>
    public override void OnEvaluate(TrainerContext context, IReadOnlyDictionary<string, double> metrics)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(metrics);

        // Of several evaluation sets each comes by itself; the one that the metric is of decides.
        if (context.Options.ResolvedMetric is not { } name || !metrics.TryGetValue(name, out double value))
        {
            return;
        }

        // The trainer compares with the best value after this event, so that value is still the one before this evaluation.
        double? best = context.State.BestMetric;
        bool better = best is null || ((context.Options.ResolvedGreaterIsBetter ? value > best : value < best) && Math.Abs(value - best.Value) > Threshold);
        _failed = better ? 0 : _failed + 1;
        context.Control.ShouldTrainingStop |= _failed >= Patience;
    }

    /// <inheritdoc/>
    public override JsonObject SaveState() => new()
    {
        ["args"] = new JsonObject { ["early_stopping_patience"] = Patience, ["early_stopping_threshold"] = Threshold },
        ["attributes"] = new JsonObject { [CountKey] = _failed },
    };

    /// <inheritdoc/>
    public override void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _failed = state["attributes"]?[CountKey] is JsonValue value && value.TryGetValue(out int failed) && failed >= 0
            ? failed
            : throw new TrainingException($"The checkpoint's state of {nameof(EarlyStoppingCallback)} lacks '{CountKey}'. Resume from another checkpoint.");
        _restored = true;
    }
}
