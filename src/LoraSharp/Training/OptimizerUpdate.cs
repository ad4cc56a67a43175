using LoraSharp.Interop;

namespace LoraSharp.Training;

/// <summary>The end of an optimizer step: gradients are unscaled and clipped, the weights and the schedule move.</summary>
internal sealed class OptimizerUpdate(IOptimizer optimizer, GradientMemory gradients, LearningRateSchedule schedule, GradientScaler? scaler, TrainingOptions options, CallbackHandler callbacks)
{
    /// <summary>Norm of the last step's gradients before clipping.</summary>
    public double GradNorm { get; private set; }

    /// <summary>Rate of the last step.</summary>
    public double LearningRate { get; private set; }

    /// <summary>What the losses must be multiplied by.</summary>
    public double LossScale => scaler?.Scale ?? 1;

    /// <summary>Sees the parameters and gradients just before clipping; for tests that compare gradients.</summary>
    public Action<int, IReadOnlyList<ParameterGroup>>? BeforeClipping { get; set; }

    private int Step => callbacks.Context.State.GlobalStep;

    /// <summary>Makes the gradients zero, before the first backward pass of a step.</summary>
    public void Begin()
    {
        optimizer.ZeroGrad();
        gradients.Clear();
    }

    /// <summary>Takes the step.</summary>
    /// <exception cref="TrainingException">A gradient is not finite, and not for the loss scale's sake; the weights have not changed.</exception>
    public void Take()
    {
        gradients.HideUnused();
        bool finite = scaler?.Unscale(optimizer.Groups) ?? true;
        BeforeClipping?.Invoke(Step, optimizer.Groups);
        GradNorm = GradientClipping.Clip(optimizer.Groups, options.MaxGradNorm);
        if (scaler is null && !double.IsFinite(GradNorm))
        {
            throw Diverged($"The gradients' norm is {GradNorm}");
        }

        for (int i = 0; i < optimizer.Groups.Count; i++)
        {
            optimizer.Groups[i].LearningRate = schedule.Rates[i];
        }

        LearningRate = schedule.Rates[0];
        callbacks.PreOptimizerStep();
        if (finite && !optimizer.Step())
        {
            throw Diverged(optimizer.SkippedBecause!.TrimEnd('.'));
        }

        scaler?.Update(finite);
        if (scaler is { IsExhausted: true })
        {
            throw Diverged("The gradients are not finite at any loss scale");
        }

        callbacks.OptimizerStep();
        if (finite)
        {
            schedule.AfterOptimizerStep();
        }

        if (options.TrimMemory)
        {
            FreeMemory.Trim();
        }
    }

    /// <summary>Before the update, so the weights are those of the last good step.</summary>
    public TrainingException Diverged(string what) =>
        new($"{what} at step {Step + 1}; training stopped before the weights were changed. Lower LearningRate, set MaxGradNorm, or look for bad rows. Checkpoints are intact.");
}
