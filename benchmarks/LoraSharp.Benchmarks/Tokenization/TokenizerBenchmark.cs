using System.CommandLine;
using System.Diagnostics;
using System.Text;

namespace LoraSharp.Benchmarks.Tokenization;

/// <summary>Speed of a tokenizer on one core: megabytes of text per second, and the time of one enormous word.</summary>
internal static class TokenizerBenchmark
{
    private const int Repeats = 5, WordLength = 1_000_000;

    public static Command Create()
    {
        var folder = new Option<string>("--tokenizer") { Description = "A folder with tokenizer.json or tokenizer.model.", Required = true };
        var text = new Option<string>("--text") { Description = "A text file; JSONL serves as well.", DefaultValueFactory = _ => "samples/Quickstart/data/patient-doctor.jsonl" };
        var command = new Command("tokenizer", "Times encoding on one core.") { folder, text };
        command.SetAction(parsed =>
        {
            Run(parsed.GetValue(folder)!, parsed.GetValue(text)!);
            return 0;
        });
        return command;
    }

    private static void Run(string folder, string path)
    {
        long start = Stopwatch.GetTimestamp();
        Tokenizer tokenizer = Tokenizer.Load(folder);
        Console.WriteLine($"loaded in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
        string[] lines = File.ReadAllLines(path);
        double megabytes = lines.Sum(line => Encoding.UTF8.GetByteCount(line)) / 1e6;
        double best = double.MaxValue;
        long tokens = 0;
        for (int i = 0; i < Repeats; i++)
        {
            start = Stopwatch.GetTimestamp();
            tokens = lines.Sum(line => (long)tokenizer.EncodeToIds(line).Count);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        Console.WriteLine($"{megabytes:F2} MB in {lines.Length} lines, {tokens} tokens: {megabytes / best:F1} MB/s");
        start = Stopwatch.GetTimestamp();
        int count = tokenizer.EncodeToIds(new string('a', WordLength)).Count;
        Console.WriteLine($"a word of {WordLength:N0} letters, {count} tokens: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
    }
}
