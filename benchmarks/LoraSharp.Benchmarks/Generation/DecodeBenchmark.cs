using System.CommandLine;
using System.Diagnostics;
using LoraSharp.Benchmarks.Training;
using LoraSharp.Generation;
using static TorchSharp.torch;

namespace LoraSharp.Benchmarks.Generation;

/// <summary>Greedy decoding of one sequence: tokens per second after the prompt.</summary>
internal static class DecodeBenchmark
{
    private const int Repeats = 4, PromptTokens = 16;

    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = $"A model folder, or a shape with random weights: {string.Join(", ", ModelShape.Names)}.", DefaultValueFactory = _ => "smollm2-135m" };
        var @base = new Option<string>("--base") { Description = "nf4 (with double quantisation), bf16 or fp32.", DefaultValueFactory = _ => "nf4" };
        @base.AcceptOnlyFromAmong("nf4", "bf16", "fp32");
        var compute = new Option<string>("--compute-type") { Description = "Type of the activations and products of an NF4 base: bf16 or fp32.", DefaultValueFactory = _ => "bf16" };
        compute.AcceptOnlyFromAmong("bf16", "fp32");
        var tokens = new Option<int>("--tokens") { Description = "New tokens.", DefaultValueFactory = _ => 64 };
        var command = new Command("decode", "Times greedy decoding of one sequence.") { model, @base, compute, tokens };
        command.SetAction(parsed =>
        {
            Run(parsed.GetValue(model)!, parsed.GetValue(@base)!, parsed.GetValue(compute) == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32, parsed.GetValue(tokens));
            return 0;
        });
        return command;
    }

    private static void Run(string name, string baseType, ScalarType compute, int tokens)
    {
        ScalarType dtype = baseType == "fp32" ? ScalarType.Float32 : baseType == "bf16" ? ScalarType.BFloat16 : compute;
        var options = new LoadOptions { Dtype = dtype, Quantization = baseType == "nf4" ? QuantizationConfig.Nf4(doubleQuant: true, computeType: compute) : null };
        using CausalLM model = ModelShape.Has(name) ? CausalLM.Create(ModelShape.Config(name, null), options) : CausalLM.Load(name, options);
        int[] prompt = [.. Enumerable.Range(1, PromptTokens)];
        double one = Best(1), all = Best(1 + tokens);
        Console.WriteLine($"{name} ({baseType}, {dtype}): {tokens / (all - one):F1} tokens/s, {(all - one) / tokens * 1e3:F2} ms a token after a prompt of {PromptTokens} ({one * 1e3:F0} ms), {get_num_threads()} threads");

        // No id ends the sequence, so that every run has the same length.
        double Best(int count)
        {
            double best = double.MaxValue;
            for (int i = 0; i < Repeats; i++)
            {
                long start = Stopwatch.GetTimestamp();
                model.GenerateIds([prompt], new GenerationOptions { MaxNewTokens = count, EosTokenIds = [] });
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            return best;
        }
    }
}
