namespace LoraSharp.Training;

/// <summary>Passes the figures of each step on to <see cref="TrainingOptions.Progress"/>.</summary>
internal sealed class ProgressCallback : TrainerCallback
{
    public override void OnStepEnd(TrainerContext context) => context.Options.Progress?.Report(context.Progress!);
}
