using System.Buffers.Binary;
using LoraSharp.CrashHost;
using LoraSharp.Plotting;
using LoraSharp.Tests.Training;
using LoraSharp.Training;

namespace LoraSharp.Tests.Plotting;

public sealed class TrainingPlotTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_runs_plot_lies_in_its_folder()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { MaxSteps = 12, Scheduler = SchedulerType.Linear, EvalStrategy = StepStrategy.Steps, EvalSteps = 4, Callbacks = [new PlotCallback()] };
        run.Train(eval: TinyTraining.Rows(2));
        byte[] image = File.ReadAllBytes(Path.Combine(run.Output, TrainingPlot.FileName));
        Assert.Equal("PNG"u8, image.AsSpan(1, 3));
        Assert.Equal((1000, 600), (BinaryPrimitives.ReadInt32BigEndian(image.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(image.AsSpan(20))));

        // An empty canvas compresses to far less.
        Assert.InRange(image.Length, 10_000, 1_000_000);
        TrainerState state = TrainerState.Load(Path.Combine(run.Output, TrainerState.FileName));
        string drawing = _folder.At("plot.svg");
        TrainingPlot.Save(state, drawing, 640, 480);
        string text = File.ReadAllText(drawing);
        Assert.All(["<svg", "learning", "eval_loss", "optimizer step"], part => Assert.Contains(part, text, StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_plotted_is_refused()
    {
        string path = _folder.At("trainer_state.json");
        File.WriteAllText(path, """{"global_step":1,"log_history":[{"loss":null,"step":1},{"loss":2.5,"step":2},{"note":"x","step":3}]}""");
        TrainerState state = TrainerState.Load(path);
        TrainingPlot.Save(state, _folder.At("plot.png"));
        Assert.Throws<ArgumentException>(() => TrainingPlot.Save(state, _folder.At("plot.bmp")));
        Assert.Throws<ArgumentOutOfRangeException>(() => TrainingPlot.Save(state, _folder.At("plot.png"), width: 10));
        File.WriteAllText(path, """{"global_step":1,"log_history":[]}""");
        Assert.Contains("nothing to plot", Assert.Throws<ArgumentException>(() => TrainingPlot.Save(TrainerState.Load(path), _folder.At("none.png"))).Message, StringComparison.Ordinal);
        Assert.Equal(["plot.png", "trainer_state.json"], Directory.EnumerateFileSystemEntries(_folder.Path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }
}
