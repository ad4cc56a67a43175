using static TorchSharp.torch;

namespace LoraSharp.Training.Checkpoints;

/// <summary>Writes a run's checkpoints, knows which is the best one, and removes those that are too many.</summary>
internal sealed class CheckpointKeeper(RunParts run, TrainingOptions options)
{
    private TrainerState State => run.Callbacks.Context.State;

    /// <summary>Compares an evaluation with the best one so far.</summary>
    /// <returns>Whether it is better.</returns>
    /// <exception cref="TrainingException">The metric is not among those measured.</exception>
    public bool NoteBest(IReadOnlyDictionary<string, double> metrics)
    {
        if (options.ResolvedMetric is not { } name)
        {
            return false;
        }

        if (!metrics.TryGetValue(name, out double value))
        {
            throw new TrainingException($"MetricForBestModel is '{name}', which the evaluation does not give; it gives {string.Join(", ", metrics.Keys)}. Checkpoints are intact.");
        }

        bool better = State.BestMetric is not { } best ? !double.IsNaN(value) : options.ResolvedGreaterIsBetter ? value > best : value < best;
        if (better)
        {
            State.BestMetric = value;
            State.BestGlobalStep = options.SaveStrategy == StepStrategy.No ? null : State.GlobalStep;
        }

        return better;
    }

    /// <summary>Writes a checkpoint of this step.</summary>
    public void Save()
    {
        RequireFiniteWeights();
        string folder = TrainingCheckpoint.FolderOf(options.OutputDirectory, State.GlobalStep);
        string? before = State.BestModelCheckpoint;
        if (State.BestGlobalStep is { } step)
        {
            string best = TrainingCheckpoint.FolderOf(options.OutputDirectory, step);
            State.BestModelCheckpoint = step == State.GlobalStep || Directory.Exists(best) ? best : before;
        }

        State.StatefulCallbacks = run.Callbacks.SaveStates();
        try
        {
            TrainingCheckpoint.Save(folder, run, State, options.SaveOnlyModel);
        }
        catch
        {
            State.BestModelCheckpoint = before;
            throw;
        }

        if (options.SaveTotalLimit is { } limit)
        {
            TrainingCheckpoint.Rotate(options.OutputDirectory, limit, folder, State.BestModelCheckpoint);
        }
    }

    /// <summary>Takes up a checkpoint.</summary>
    public TrainerState Resume(string path)
    {
        string folder = TrainingCheckpoint.Resolve(path);
        TrainerState state = TrainingCheckpoint.Load(folder, run);
        if (state.BestModelCheckpoint is { } best && !Directory.Exists(best))
        {
            // The run's folder may have been moved as a whole.
            string beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(folder))!, Path.GetFileName(best));
            state.BestModelCheckpoint = Directory.Exists(beside) ? beside : null;
        }

        return state;
    }

    /// <summary>Takes up the weights of the best checkpoint, if there is one.</summary>
    public void LoadBest()
    {
        if (State.BestModelCheckpoint is { } best)
        {
            run.Task.Load(best);
        }
    }

    // A checkpoint that cannot be resumed must not push out one that can.
    private void RequireFiniteWeights()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        NamedParameter? bad = run.Optimizer.Groups.SelectMany(group => group.Parameters).FirstOrDefault(parameter => !parameter.Value.isfinite().all().item<bool>());
        if (bad is not null)
        {
            throw new TrainingException(
                $"'{bad.Name}' is not finite after step {State.GlobalStep}; no checkpoint of it was written, and the earlier ones are intact. Lower LearningRate, and resume from the last checkpoint.");
        }
    }
}
