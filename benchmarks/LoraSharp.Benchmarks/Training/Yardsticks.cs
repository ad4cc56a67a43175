using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Benchmarks.Training;

/// <summary>What the machine can do, measured in the same run as what is compared with it.</summary>
internal static class Yardsticks
{
    /// <summary>Rate of a dense linear layer, 512 x 2048 → 5632, in FLOP/s, and in FLOP a second of processor time (of all threads together): the best of several.</summary>
    public static (double PerSecond, double PerProcessorSecond) DenseRate(ScalarType dtype)
    {
        const long Rows = 512, In = 2048, Out = 5632;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor x = randn(Rows, In).to(dtype), weight = randn(Out, In).to(dtype);
        double best = double.MaxValue, bestProcessor = double.MaxValue;
        for (int i = 0; i < 12; i++)
        {
            long start = Stopwatch.GetTimestamp();
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            using Tensor y = nn.functional.linear(x, weight);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            bestProcessor = Math.Min(bestProcessor, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
        }

        const double Operations = 2.0 * Rows * In * Out;
        return (Operations / best, Operations / bestProcessor);
    }

    /// <summary>Bytes read and written per second by copying 256 MiB: the best of several.</summary>
    public static double CopyRate()
    {
        const long Bytes = 1 << 28;
        using var scope = NewDisposeScope();
        Tensor source = ones(Bytes / 4), target = empty(Bytes / 4);
        double best = double.MaxValue;
        for (int i = 0; i < 6; i++)
        {
            long start = Stopwatch.GetTimestamp();
            target.copy_(source);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return 2.0 * Bytes / best;
    }

    /// <summary>The largest resident memory of this process so far, in bytes.</summary>
    public static long PeakMemory()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
