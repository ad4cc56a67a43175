using LoraSharp.Training;

namespace LoraSharp.Samples.Pretrain;

/// <summary>Writes a line every few steps, with the mean loss of the steps since the last one.</summary>
internal sealed class ConsoleProgress : IProgress<TrainingProgress>
{
    private const int Interval = 50;
    private double loss;
    private int steps;

    public void Report(TrainingProgress value)
    {
        loss += value.Loss;
        steps++;
        if (value.Step % Interval != 0 && value.Step != value.TotalSteps)
            return;
        double rate = value.Tokens / Math.Max(1e-9, value.Elapsed.TotalSeconds);
        Console.WriteLine($"step {value.Step}/{value.TotalSteps}, epoch {value.Epoch:F2}, loss {loss / steps:F3}, rate {value.LearningRate:E1}, "
            + $"{rate:N0} tokens/s, {value.Elapsed:mm\\:ss} of about {value.Elapsed * value.TotalSteps / value.Step:mm\\:ss}");
        (loss, steps) = (0, 0);
    }
}
