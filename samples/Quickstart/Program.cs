using Quickstart;
using Spectre.Console;

return await QuickstartOptions.Command(Run).Parse(args).InvokeAsync();

static void Run(QuickstartOptions options, CancellationToken cancellation)
{
    try
    {
        new Lecture(options, cancellation).Run();
    }
    catch (OperationCanceledException)
    {
        AnsiConsole.MarkupLine("[yellow]Stopped.[/] Checkpoints in the output folder are complete; go on with --resume.");
    }
    catch (Exception e) when (e is IOException or InvalidOperationException or ArgumentException or InvalidDataException or FormatException or NotSupportedException)
    {
        AnsiConsole.MarkupLineInterpolated($"[red]{e.GetType().Name}:[/] {e.Message}");
        Environment.ExitCode = 1;
    }
}
