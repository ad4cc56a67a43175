using System.CommandLine;
using BenchmarkDotNet.Running;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>The kernels under BenchmarkDotNet, whose own arguments follow the command's name.</summary>
internal static class KernelBenchmarks
{
    public static Command Create()
    {
        var arguments = new Argument<string[]>("arguments") { Description = "BenchmarkDotNet's, after --: for instance -- --filter '*FourBit*'.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("kernels", "Runs the kernels under BenchmarkDotNet.") { arguments };
        command.SetAction(parsed =>
        {
            BenchmarkSwitcher.FromAssembly(typeof(KernelBenchmarks).Assembly).Run(parsed.GetValue(arguments));
            return 0;
        });
        return command;
    }
}
