using LoraSharp.Files;
using LoraSharp.Training;
using ScottPlot;

namespace LoraSharp.Plotting;

/// <summary>Draws what a run has logged: the losses and, on an axis of its own, the learning rate over the optimizer steps. Needs no display.</summary>
public static class TrainingPlot
{
    /// <summary>The name of the file that <see cref="PlotCallback"/> writes.</summary>
    public const string FileName = "training.png";

    private const int Width = 1000, Height = 600;

    /// <summary>Writes the plot of a run.</summary>
    /// <param name="state">The run: <see cref="SftTrainer.State"/>, or <see cref="TrainerState.Load"/> of a trainer_state.json.</param>
    /// <param name="path">The file, ending in <c>.png</c> or <c>.svg</c>; replaced whole or not at all.</param>
    /// <param name="width">Width in pixels. Default: 1000.</param>
    /// <param name="height">Height in pixels. Default: 600.</param>
    /// <exception cref="ArgumentException">The run has logged no loss, or the ending is another one.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not from 100 to 10,000 pixels.</exception>
    public static void Save(TrainerState state, string path, int width = Width, int height = Height)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentException.ThrowIfNullOrEmpty(path);
        RequireSize(width, nameof(width));
        RequireSize(height, nameof(height));
        string ending = Path.GetExtension(path);
        bool isSvg = ending.Equals(".svg", StringComparison.OrdinalIgnoreCase);
        if (!isSvg && !ending.Equals(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"'{path}' does not end in .png or .svg, the formats that plots are written in.", nameof(path));
        }

        using Plot plot = Draw(state);
        if (isSvg)
        {
            AtomicFile.WriteText(path, plot.GetSvgXml(width, height));
        }
        else
        {
            byte[] image = plot.GetImageBytes(width, height, ImageFormat.Png);
            AtomicFile.Write(path, stream => stream.Write(image));
        }
    }

    /// <summary>The losses that were logged, the training loss first.</summary>
    internal static string[] Losses(TrainerState state) => [.. state.LogHistory.SelectMany(entry => entry.Keys).Where(IsLoss).Distinct().OrderByDescending(key => key == "loss")];

    private static Plot Draw(TrainerState state)
    {
        string[] losses = Losses(state);
        if (losses.Length == 0)
        {
            throw new ArgumentException("The run has logged no loss, so there is nothing to plot; log more often (LoggingSteps).", nameof(state));
        }

        var plot = new Plot();
        foreach (string key in losses)
        {
            (double[] steps, double[] values) = Series(state, key);
            var line = plot.Add.Scatter(steps, values);
            line.LegendText = key;
            line.MarkerSize = key == "loss" ? 0 : 7;
            line.LineWidth = 2;
        }

        (double[] rateSteps, double[] rates) = Series(state, "learning_rate");
        if (rates.Length > 0)
        {
            var line = plot.Add.Scatter(rateSteps, rates);
            line.LegendText = "learning_rate (right)";
            line.MarkerSize = 0;
            line.LinePattern = LinePattern.Dashed;
            line.Axes.YAxis = plot.Axes.Right;
            plot.Axes.Right.Label.Text = "learning rate";
        }

        plot.Axes.Left.Label.Text = "loss";
        plot.Axes.Bottom.Label.Text = "optimizer step";
        plot.ShowLegend(Alignment.UpperRight);
        return plot;
    }

    private static bool IsLoss(string key) => key == "loss" || (key.StartsWith("eval_", StringComparison.Ordinal) && key.EndsWith("loss", StringComparison.Ordinal) && !key.EndsWith("aux_loss", StringComparison.Ordinal));

    // What is not a number leaves a gap in the log, not in the plot.
    private static (double[] Steps, double[] Values) Series(TrainerState state, string key)
    {
        var found = state.LogHistory.Where(entry => entry.TryGetValue(key, out double value) && double.IsFinite(value) && entry.ContainsKey("step")).ToArray();
        return ([.. found.Select(entry => entry["step"])], [.. found.Select(entry => entry[key])]);
    }

    private static void RequireSize(int value, string name)
    {
        if (value is < 100 or > 10_000)
        {
            throw new ArgumentOutOfRangeException(name, value, "A plot is from 100 to 10,000 pixels wide and high.");
        }
    }
}
