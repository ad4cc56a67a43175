using System.Diagnostics;
using System.Globalization;

namespace LoraSharp.Tests.EndToEnd;

/// <summary>A process beside the tests: one that saves in a loop and ends by SIGKILL, or one that measures itself.</summary>
internal static class KilledProcess
{
    /// <summary>Starts the process, waits until it has reported a step, then kills it after a further time.</summary>
    /// <param name="after">Time between the first report and the kill.</param>
    /// <param name="arguments">The arguments of the process.</param>
    /// <returns>The last step whose save had returned before the kill.</returns>
    public static int Run(TimeSpan after, params string[] arguments) => Run(1, after, arguments);

    /// <summary>As the other, after a number of reports.</summary>
    public static int Run(int reports, TimeSpan after, params string[] arguments)
    {
        using Process process = Start(arguments);
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string? first = process.StandardOutput.ReadLine();
            if (first is null)
            {
                Assert.Fail($"The process ended before it saved: {errors.GetAwaiter().GetResult()}");
            }

            for (int i = 1; i < reports; i++)
            {
                Assert.NotNull(process.StandardOutput.ReadLine());
            }

            Thread.Sleep(after);
            Assert.False(process.HasExited, "The process ended by itself.");
            process.Kill();
            string rest = process.StandardOutput.ReadToEnd();
            process.WaitForExit();

            // The last line may be cut off.
            string[] lines = (first + "\n" + rest[..(rest.LastIndexOf('\n') + 1)]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return int.Parse(lines[^1], CultureInfo.InvariantCulture);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>Starts the process, waits for its end and returns the lines of its output.</summary>
    public static string[] RunToEnd(params string[] arguments)
    {
        using Process process = Start(arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.GetAwaiter().GetResult());
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static Process Start(string[] arguments)
    {
        // In this folder with the tests' own dependencies, so that libtorch is found.
        string folder = AppContext.BaseDirectory, tests = typeof(KilledProcess).Assembly.GetName().Name!;
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string[] all =
        [
            "exec", "--depsfile", Path.Combine(folder, tests + ".deps.json"), "--runtimeconfig", Path.Combine(folder, tests + ".runtimeconfig.json"),
            Path.Combine(folder, "LoraSharp.CrashHost.dll"), .. arguments,
        ];
        Array.ForEach(all, start.ArgumentList.Add);
        return Process.Start(start)!;
    }
}
