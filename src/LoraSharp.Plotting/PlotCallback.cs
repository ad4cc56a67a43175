using LoraSharp.Training;

namespace LoraSharp.Plotting;

/// <summary>Writes the run's plot (<see cref="TrainingPlot.FileName"/>) into its output directory, at each checkpoint and at the end.</summary>
public sealed class PlotCallback : TrainerCallback
{
    /// <inheritdoc/>
    public override void OnSave(TrainerContext context) => Write(context);

    /// <inheritdoc/>
    public override void OnTrainEnd(TrainerContext context) => Write(context);

    private static void Write(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (TrainingPlot.Losses(context.State).Length > 0)
        {
            TrainingPlot.Save(context.State, Path.Combine(context.Options.OutputDirectory, TrainingPlot.FileName));
        }
    }
}
