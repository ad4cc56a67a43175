using LoraSharp.Training;
using Spectre.Console;

namespace Quickstart;

/// <summary>A progress bar in the terminal, fed by the trainer's reports.</summary>
internal static class TrainingDisplay
{
    public static TrainingResult Show(Func<IProgress<TrainingProgress>, TrainingResult> train) =>
        AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask? task = null;
                return train(new Synchronous(p =>
                {
                    task ??= context.AddTask("training", maxValue: p.TotalSteps);
                    task.Value = p.Step;
                    task.Description = $"step {p.Step}/{p.TotalSteps}  loss {p.Loss:F3}  {p.Tokens / Math.Max(1e-9, p.Elapsed.TotalSeconds):F0} tokens/s";
                }));
            });

    // Progress<T> reports through the thread pool, out of order; the display wants the reports as they come.
    private sealed class Synchronous(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
