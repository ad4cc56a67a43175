using System.CommandLine;
using System.Globalization;
using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>Measures every kernel beside its yardstick in under two minutes and prints a table; fails when a ratio falls under its floor.</summary>
internal static class KernelCheck
{
    public static Command Create()
    {
        var seconds = new Option<double>("--seconds") { Description = "Time for each figure.", DefaultValueFactory = _ => 0.6 };
        var threads = new Option<int>("--threads") { Description = "Threads to use.", DefaultValueFactory = _ => Environment.ProcessorCount };
        seconds.Validators.Add(result => RequirePositive(result, result.GetValueOrDefault<double>()));
        threads.Validators.Add(result => RequirePositive(result, result.GetValueOrDefault<int>()));
        var command = new Command("check", "Measures every kernel beside its yardstick; the exit code is 1 when a ratio falls under its floor.") { seconds, threads };
        command.SetAction(parsed => Run(parsed.GetValue(seconds), parsed.GetValue(threads)));
        return command;
    }

    private static int Run(double seconds, int threads)
    {
        TorchSharp.torch.set_num_threads(threads);
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

    private static void RequirePositive(System.CommandLine.Parsing.OptionResult result, double value)
    {
        if (!(value > 0))
        {
            result.AddError($"{result.Option.Name} is {value.ToString(CultureInfo.InvariantCulture)}; it must be above 0.");
        }
    }
}
