using System.CommandLine;
using System.Globalization;
using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>Measures every kernel beside its yardstick in under a minute and prints a table; fails when a ratio stays under its floor.</summary>
internal static class KernelCheck
{
    /// <summary>The form and the fewest threads that the floors were recorded for; elsewhere figures are printed, not guarded.</summary>
    private const InstructionSet GuardedForm = InstructionSet.Avx512;

    private const int GuardedThreads = 2;

    /// <summary>Attempts at a figure under its floor: what is slow once may have met other work on the machine.</summary>
    private const int Attempts = 3;

    public static Command Create()
    {
        var seconds = new Option<double>("--seconds") { Description = "Time for each figure and for its yardstick.", DefaultValueFactory = _ => 0.5 };
        var threads = new Option<int>("--threads") { Description = "Threads to use.", DefaultValueFactory = _ => Environment.ProcessorCount };
        seconds.Validators.Add(result => RequirePositive(result, result.GetValueOrDefault<double>()));
        threads.Validators.Add(result => RequirePositive(result, result.GetValueOrDefault<int>()));
        var command = new Command("check", "Measures every kernel beside its yardstick; the exit code is 1 when a ratio stays under its floor.") { seconds, threads };
        command.SetAction(parsed => Run(parsed.GetValue(seconds), parsed.GetValue(threads)));
        return command;
    }

    private static int Run(double seconds, int threads)
    {
        TorchSharp.torch.set_num_threads(threads);
        using var figures = new KernelFigures(seconds, threads);
        bool guarded = KernelSelection.InstructionSet == GuardedForm && threads >= GuardedThreads;
        Console.WriteLine($"Kernels: {KernelSelection.InstructionSet}, {threads} threads. {figures.Memory()}.");
        Console.WriteLine();
        Console.WriteLine("| what | figure | part of the yardstick | yardstick | floor |");
        Console.WriteLine("|---|---|---|---|---|");
        bool all = true;
        foreach (Func<KernelFigure> measure in figures.All())
        {
            KernelFigure best = measure();
            for (int i = 1; i < Attempts && guarded && !best.Holds; i++)
            {
                KernelFigure again = measure();
                best = again.Ratio > best.Ratio ? again : best;
            }

            bool fails = guarded && !best.Holds;
            string floor = guarded ? best.Floor.ToString("F2", CultureInfo.InvariantCulture) : "not guarded";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {best.Name} | {best.Value} | {best.Ratio:F2}{(fails ? " **under the floor**" : "")} | {best.Yardstick} | {floor} |"));
            all &= !fails;
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
