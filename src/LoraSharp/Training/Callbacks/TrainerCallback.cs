using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>
/// Looks at a run at its events and steers it through <see cref="TrainerContext.Control"/>: transformers' TrainerCallback, event for event. Override what you need and give an instance to
/// <see cref="TrainingOptions.Callbacks"/>. Callbacks are called in their order, on the training thread. An exception ends the run; the checkpoints written before stay.
/// </summary>
public abstract class TrainerCallback
{
    /// <summary>The trainer has been made.</summary>
    public virtual void OnInitEnd(TrainerContext context)
    {
    }

    /// <summary>Training begins, from the start or from a checkpoint.</summary>
    public virtual void OnTrainBegin(TrainerContext context)
    {
    }

    /// <summary>Training has ended; the best model is loaded again if that was asked for, and the last entry is logged.</summary>
    public virtual void OnTrainEnd(TrainerContext context)
    {
    }

    /// <summary>A pass over the data begins.</summary>
    public virtual void OnEpochBegin(TrainerContext context)
    {
    }

    /// <summary>A pass over the data has ended; logging, evaluation and saving follow if the control says so.</summary>
    public virtual void OnEpochEnd(TrainerContext context)
    {
    }

    /// <summary>An optimizer step begins: one forward pass, or several with accumulation.</summary>
    public virtual void OnStepBegin(TrainerContext context)
    {
    }

    /// <summary>A forward and backward pass has ended, and more follow in this optimizer step.</summary>
    public virtual void OnSubstepEnd(TrainerContext context)
    {
    }

    /// <summary>The gradients are clipped, the weights not changed yet.</summary>
    public virtual void OnPreOptimizerStep(TrainerContext context)
    {
    }

    /// <summary>The weights are changed, the gradients still there.</summary>
    public virtual void OnOptimizerStep(TrainerContext context)
    {
    }

    /// <summary>An optimizer step has ended; logging, evaluation and saving follow if the control says so.</summary>
    public virtual void OnStepEnd(TrainerContext context)
    {
    }

    /// <summary>An evaluation has ended.</summary>
    /// <param name="context">The run.</param>
    /// <param name="metrics">What it measured (<c>eval_loss</c>, ...).</param>
    public virtual void OnEvaluate(TrainerContext context, IReadOnlyDictionary<string, double> metrics)
    {
    }

    /// <summary>A prediction has ended.</summary>
    /// <param name="context">The run.</param>
    /// <param name="metrics">What it measured (<c>test_loss</c>, ...).</param>
    public virtual void OnPredict(TrainerContext context, IReadOnlyDictionary<string, double> metrics)
    {
    }

    /// <summary>A batch of an evaluation or a prediction has ended.</summary>
    public virtual void OnPredictionStep(TrainerContext context)
    {
    }

    /// <summary>A checkpoint has been written.</summary>
    public virtual void OnSave(TrainerContext context)
    {
    }

    /// <summary>An entry has been logged.</summary>
    /// <param name="context">The run; its state's history holds the entry already.</param>
    /// <param name="logs">The entry.</param>
    public virtual void OnLog(TrainerContext context, IReadOnlyDictionary<string, double> logs)
    {
    }

    /// <summary>
    /// What a checkpoint keeps of this callback, in <c>stateful_callbacks</c> of trainer_state.json under the name of its class; null (the default): nothing. transformers' own callbacks write an object
    /// with <c>args</c> and <c>attributes</c>.
    /// </summary>
    public virtual JsonObject? SaveState() => null;

    /// <summary>Takes up what <see cref="SaveState"/> gave, when a run resumes.</summary>
    public virtual void LoadState(JsonObject state)
    {
    }
}
