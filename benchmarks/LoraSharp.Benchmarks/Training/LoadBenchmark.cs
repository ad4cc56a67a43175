using System.CommandLine;
using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Benchmarks.Training;

/// <summary>Time from a model's files to its first token, beside the time of merely reading the files' bytes and of one forward pass.</summary>
internal static class LoadBenchmark
{
    private const int Repeats = 4, PromptTokens = 16, BufferBytes = 1 << 24;

    public static Command Create()
    {
        var folder = new Option<string>("--model") { Description = "A model folder.", Required = true };
        var dtype = new Option<string>("--dtype") { Description = "file, fp32 or bf16.", DefaultValueFactory = _ => "file" };
        dtype.AcceptOnlyFromAmong("file", "fp32", "bf16");
        var shape = new Option<string?>("--write-shape") { Description = $"Writes such a model with random bf16 weights into the folder first: {string.Join(", ", ModelShape.Names)}." };
        var base4 = new Option<bool>("--nf4") { Description = "Quantises while loading (NF4, double quantisation)." };
        var command = new Command("load", "Times loading a model up to its first token.") { folder, dtype, shape, base4 };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(shape) is { } name)
            {
                ModelShape.Write(name, parsed.GetValue(folder)!);
            }

            Run(parsed.GetValue(folder)!, parsed.GetValue(base4), parsed.GetValue(dtype) switch { "fp32" => ScalarType.Float32, "bf16" => ScalarType.BFloat16, _ => null });
            return 0;
        });
        return command;
    }

    private static void Run(string folder, bool quantized, ScalarType? dtype)
    {
        var options = new LoadOptions { Dtype = dtype, Quantization = quantized ? QuantizationConfig.Nf4(doubleQuant: true) : null };
        using var noGrad = no_grad();
        using Tensor prompt = arange(PromptTokens, dtype: ScalarType.Int64).unsqueeze(0);
        double read = Best(() => Read(folder)), forward;
        long bytes = Directory.EnumerateFiles(folder, "*.safetensors").Sum(file => new FileInfo(file).Length);
        Console.WriteLine($"{bytes / 1e9:F2} GB of files");
        using (CausalLM model = CausalLM.Load(folder, options))
        {
            forward = Best(() => FirstToken(model, prompt));
        }

        double load = Best(() =>
        {
            using CausalLM model = CausalLM.Load(folder, options);
            FirstToken(model, prompt);
        });
        Console.WriteLine($"peak resident {Yardsticks.PeakMemory() / (double)(1L << 30):F2} GiB");
        Console.WriteLine($"reading the bytes {read * 1e3:F0} ms, one forward pass of {PromptTokens} tokens {forward * 1e3:F0} ms, from files to first token {load * 1e3:F0} ms: {load / (read + forward):F2} x");
    }

    private static void FirstToken(CausalLM model, Tensor prompt)
    {
        using Tensor logits = model.Logits(prompt, lastOnly: true);
        using Tensor token = logits.argmax(-1);
        token.item<long>();
    }

    private static void Read(string folder)
    {
        byte[] buffer = new byte[BufferBytes];
        foreach (string file in Directory.EnumerateFiles(folder, "*.safetensors"))
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, 0);
            while (stream.Read(buffer) > 0)
            {
            }
        }
    }

    private static double Best(Action action)
    {
        double best = double.MaxValue;
        for (int i = 0; i < Repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }
}
