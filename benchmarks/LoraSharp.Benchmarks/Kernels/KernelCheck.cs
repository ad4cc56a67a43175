using System.Globalization;
using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>
/// Measures every kernel beside its yardstick in under two minutes and prints a table; fails when a ratio falls under its floor.
/// Arguments: <c>--seconds S</c> for each figure (default 0.6), <c>--threads N</c> (default: all processors).
/// </summary>
public static class KernelCheck
{
    /// <summary>Runs the check.</summary>
    /// <param name="args">The arguments above.</param>
    /// <returns>0 when all floors hold, 1 when one does not, 2 for an unknown argument.</returns>
    public static int Run(string[] args)
    {
        double seconds = 0.6;
        int threads = Environment.ProcessorCount;
        for (int i = 0; i < args.Length; i += 2)
        {
            string value = i + 1 < args.Length ? args[i + 1] : "";
            if (args[i] == "--seconds" && double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double s) && s > 0)
            {
                seconds = s;
            }
            else if (args[i] == "--threads" && int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int t) && t > 0)
            {
                threads = t;
            }
            else
            {
                Console.Error.WriteLine($"Unknown argument '{args[i]} {value}': use --seconds S or --threads N.");
                return 2;
            }
        }

        using var figures = new KernelFigures(seconds, threads);
        Console.WriteLine($"Kernels: {KernelSelection.InstructionSet}, {threads} threads. {figures.Memory}.");
        Console.WriteLine();
        Console.WriteLine("| what | figure | part of the yardstick | yardstick | floor |");
        Console.WriteLine("|---|---|---|---|---|");
        bool all = true;
        foreach (KernelFigure figure in figures.Measure())
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"| {figure.Name} | {figure.Value} | {figure.Ratio:F2}{(figure.Holds ? "" : " **under the floor**")} | {figure.Yardstick} | {figure.Floor:F2} |"));
            all &= figure.Holds;
        }

        return all ? 0 : 1;
    }
}
