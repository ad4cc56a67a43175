using System.CommandLine;
using System.Diagnostics;
using LoraSharp.Benchmarks.Training;
using static TorchSharp.torch;

namespace LoraSharp.Benchmarks.Adapters;

/// <summary>What adapters cost at inference: the time of a forward pass beside the base's, the memory of many adapters, the time to choose between them.</summary>
internal static class AdapterBenchmark
{
    private const int Repeats = 15;

    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = $"One of {string.Join(", ", ModelShape.Names)}, with random weights.", DefaultValueFactory = _ => "smollm2-135m" };
        var layers = new Option<int?>("--layers") { Description = "Fewer layers than the model has." };
        var tokens = new Option<int>("--tokens") { Description = "Length of the input.", DefaultValueFactory = _ => 512 };
        var rank = new Option<int>("--r") { Description = "Rank.", DefaultValueFactory = _ => 16 };
        var adapters = new Option<int>("--adapters") { Description = "Number of adapters to choose between.", DefaultValueFactory = _ => 100 };
        var command = new Command("adapters", "Cost of adapters at inference.") { model, layers, tokens, rank, adapters };
        command.SetAction(parsed =>
        {
            Run(parsed.GetValue(model)!, parsed.GetValue(layers), parsed.GetValue(tokens), parsed.GetValue(rank), parsed.GetValue(adapters));
            return 0;
        });
        return command;
    }

    private static void Run(string shape, int? layers, int tokens, int rank, int count)
    {
        using var noGrad = no_grad();
        using CausalLM model = CausalLM.Create(ModelShape.Config(shape, layers), new LoadOptions { Dtype = ScalarType.BFloat16 });
        using Tensor ids = randint(0, 32_000, [1, tokens], dtype: ScalarType.Int64);
        model.AddLora(r: rank, targetModules: "all-linear", adapterName: "a0");

        // Turn by turn, so that a busy machine slows both.
        double plain = double.MaxValue, adapted = double.MaxValue;
        for (int i = 0; i < Repeats; i++)
        {
            adapted = Math.Min(adapted, Time(model, ids));
            using (model.DisableAdapters())
            {
                plain = Math.Min(plain, Time(model, ids));
            }
        }

        Console.WriteLine($"{shape}, bfloat16, {tokens} tokens: base {plain:F1} ms, LoRA r={rank} on all linear layers {adapted:F1} ms, ratio {adapted / plain:F3}");
        long before = Process.GetCurrentProcess().WorkingSet64, own = Bytes(model);
        for (int i = 1; i < count; i++)
        {
            model.AddLora(new LoraConfig { R = rank, TargetModules = "all-linear", Init = LoraInit.Random }, $"a{i}");
        }

        double each = (Bytes(model) - own) / (double)(count - 1), resident = (Process.GetCurrentProcess().WorkingSet64 - before) / (double)(count - 1);
        Console.WriteLine($"each of {count - 1} more adapters: {each / 1e6:F2} MB of parameters, {resident / 1e6:F2} MB resident");
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            model.SetAdapter($"a{i}");
        }

        Console.WriteLine($"choosing another adapter: {Stopwatch.GetElapsedTime(start).TotalMilliseconds / count:F2} ms; a forward pass with one of {count} loaded: {Time(model, ids):F1} ms");
    }

    private static double Time(CausalLM model, Tensor ids)
    {
        long start = Stopwatch.GetTimestamp();
        using (Tensor hidden = model.HiddenStates(ids))
        {
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
    }

    private static long Bytes(CausalLM model) => model.parameters().Sum(parameter => parameter.numel() * parameter.element_size());
}
