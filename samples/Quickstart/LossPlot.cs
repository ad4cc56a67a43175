using ScottPlot;

namespace Quickstart;

/// <summary>Draws the loss over the steps into a PNG.</summary>
internal static class LossPlot
{
    private const int Width = 900, Height = 500;

    public static void Save(IReadOnlyList<IReadOnlyDictionary<string, double>> log, string path)
    {
        (double Step, double Loss)[] points = [.. log.Where(e => e.ContainsKey("loss")).Select(e => (e["step"], e["loss"]))];
        using var plot = new Plot();
        plot.Add.Scatter(points.Select(p => p.Step).ToArray(), points.Select(p => p.Loss).ToArray()).MarkerSize = 0;
        plot.Title("Training loss");
        plot.XLabel("step");
        plot.YLabel("loss");
        plot.SavePng(path, Width, Height);
    }
}
