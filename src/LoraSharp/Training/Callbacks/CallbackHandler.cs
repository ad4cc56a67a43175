using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Calls the callbacks in order and sets flags back when transformers does.</summary>
internal sealed class CallbackHandler
{
    private readonly TrainerCallback[] _callbacks;

    public CallbackHandler(TrainingOptions options, nn.Module model)
    {
        _callbacks =
        [
            new DefaultFlow(),
            .. options.TensorBoard ? [new TensorBoardCallback()] : Array.Empty<TrainerCallback>(),
            .. options.Callbacks,
            new ProgressCallback(),
        ];
        Context = new TrainerContext(options, model);
    }

    public TrainerContext Context { get; }

    public TrainerControl Control => Context.Control;

    public void InitEnd() => Raise(nameof(TrainerCallback.OnInitEnd), callback => callback.OnInitEnd(Context));

    public void TrainBegin()
    {
        Control.ShouldTrainingStop = false;
        Raise(nameof(TrainerCallback.OnTrainBegin), callback => callback.OnTrainBegin(Context));
    }

    public void TrainEnd() => Raise(nameof(TrainerCallback.OnTrainEnd), callback => callback.OnTrainEnd(Context));

    public void EpochBegin()
    {
        Control.ShouldEpochStop = false;
        Raise(nameof(TrainerCallback.OnEpochBegin), callback => callback.OnEpochBegin(Context));
    }

    public void EpochEnd() => Raise(nameof(TrainerCallback.OnEpochEnd), callback => callback.OnEpochEnd(Context));

    public void StepBegin()
    {
        (Control.ShouldLog, Control.ShouldEvaluate, Control.ShouldSave) = (false, false, false);
        Raise(nameof(TrainerCallback.OnStepBegin), callback => callback.OnStepBegin(Context));
    }

    public void SubstepEnd() => Raise(nameof(TrainerCallback.OnSubstepEnd), callback => callback.OnSubstepEnd(Context));

    public void PreOptimizerStep() => Raise(nameof(TrainerCallback.OnPreOptimizerStep), callback => callback.OnPreOptimizerStep(Context));

    public void OptimizerStep() => Raise(nameof(TrainerCallback.OnOptimizerStep), callback => callback.OnOptimizerStep(Context));

    public void StepEnd() => Raise(nameof(TrainerCallback.OnStepEnd), callback => callback.OnStepEnd(Context));

    public void Evaluated(IReadOnlyDictionary<string, double> metrics)
    {
        Control.ShouldEvaluate = false;
        Raise(nameof(TrainerCallback.OnEvaluate), callback => callback.OnEvaluate(Context, metrics));
    }

    public void Predicted(IReadOnlyDictionary<string, double> metrics) => Raise(nameof(TrainerCallback.OnPredict), callback => callback.OnPredict(Context, metrics));

    public void PredictionStep() => Raise(nameof(TrainerCallback.OnPredictionStep), callback => callback.OnPredictionStep(Context));

    public void Saved()
    {
        Control.ShouldSave = false;
        Raise(nameof(TrainerCallback.OnSave), callback => callback.OnSave(Context));
    }

    /// <summary>Adds an entry to the run's log and shows it to the callbacks.</summary>
    public void Log(Dictionary<string, double> entry)
    {
        entry["epoch"] = Context.State.Epoch;
        entry["step"] = Context.State.GlobalStep;
        Context.State.Add(entry);
        Control.ShouldLog = false;
        Raise(nameof(TrainerCallback.OnLog), callback => callback.OnLog(Context, entry));
    }

    /// <summary>The states of all callbacks that have one; several of one class make a list, as in transformers.</summary>
    public JsonObject SaveStates()
    {
        var all = new JsonObject();
        Raise(nameof(TrainerCallback.SaveState), callback =>
        {
            if (callback.SaveState() is { } state)
            {
                string name = callback.GetType().Name;
                switch (all[name])
                {
                    case null:
                        all[name] = state;
                        break;
                    case JsonArray several:
                        several.Add(state);
                        break;
                    case { } first:
                        all.Remove(name);
                        all[name] = new JsonArray(first, state);
                        break;
                }
            }
        });
        all[TrainerControl.StateName] = Control.SaveState();
        return all;
    }

    /// <summary>Gives each callback its saved state; those that have none keep their own.</summary>
    public void LoadStates(JsonObject saved)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        Raise(nameof(TrainerCallback.LoadState), callback =>
        {
            string name = callback.GetType().Name;
            int index = seen.GetValueOrDefault(name);
            seen[name] = index + 1;
            JsonNode? state = saved[name] is JsonArray several ? several.ElementAtOrDefault(index) : index == 0 ? saved[name] : null;
            if (state is JsonObject found)
            {
                callback.LoadState((JsonObject)found.DeepClone());
            }
        });
    }

    private void Raise(string name, Action<TrainerCallback> call)
    {
        foreach (TrainerCallback callback in _callbacks)
        {
            try
            {
                call(callback);
            }
            catch (Exception e) when (e is not (TrainingException or OperationCanceledException))
            {
                throw new TrainingException(
                    $"{callback.GetType().Name}.{name} failed at step {Context.State.GlobalStep}: {e.Message} The run ends here; checkpoints are intact, and a corrected run can resume from the last one.", e);
            }
        }
    }
}
