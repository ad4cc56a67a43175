using System.CommandLine;
using System.Diagnostics;
using LoraSharp.Data;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Benchmarks.Training;

/// <summary>Whole training steps of a model folder or of a model's shape: seconds, tokens per second, peak memory, and the ratio to the ideal time.</summary>
internal static class StepBenchmark
{
    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = $"A model folder, or a shape with random weights: {string.Join(", ", ModelShape.Names)}.", DefaultValueFactory = _ => "smollm2-135m" };
        var layers = new Option<int?>("--layers") { Description = "Layers of a shape; default: all." };
        var @base = new Option<string>("--base") { Description = "nf4 (with double quantisation), bf16 or fp32.", DefaultValueFactory = _ => "nf4" };
        @base.AcceptOnlyFromAmong("nf4", "bf16", "fp32");
        var compute = new Option<string>("--compute-type") { Description = "Type of the activations and products of an NF4 base: bf16 or fp32.", DefaultValueFactory = _ => "bf16" };
        compute.AcceptOnlyFromAmong("bf16", "fp32");
        var batch = new Option<int>("--batch") { DefaultValueFactory = _ => 4 };
        var length = new Option<int>("--length") { DefaultValueFactory = _ => 256 };
        var r = new Option<int>("--r") { DefaultValueFactory = _ => 16 };
        var targets = new Option<string>("--target-modules") { Description = "all-linear, or names separated by commas.", DefaultValueFactory = _ => "all-linear" };
        var checkpointing = new Option<bool>("--checkpointing") { Description = "Recomputes each layer in the backward pass." };
        var checkpointed = new Option<int?>("--checkpointed-layers") { Description = "Recomputes only so many layers, the first ones." };
        var trim = new Option<bool>("--trim") { Description = "Gives free memory back to the system after each step." };
        var steps = new Option<int>("--steps") { DefaultValueFactory = _ => 4 };
        var limit = new Option<double?>("--fail-over") { Description = "Ends with an error when the processor time is more than so many times the ideal: a guard for noisy machines." };
        var command = new Command("step", "Times training steps of LoRA over a frozen base.") { model, layers, @base, compute, batch, length, r, targets, checkpointing, checkpointed, trim, steps, limit };
        command.SetAction(parsed =>
        {
            string target = parsed.GetValue(targets)!;
            double ratio = Run(
                parsed.GetValue(model)!, parsed.GetValue(layers), parsed.GetValue(@base)!, parsed.GetValue(compute) == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32, parsed.GetValue(batch),
                parsed.GetValue(length), parsed.GetValue(r), target == "all-linear" ? TargetModules.AllLinear : target.Split(','), parsed.GetValue(checkpointing) ? int.MaxValue : parsed.GetValue(checkpointed) ?? 0, parsed.GetValue(trim), parsed.GetValue(steps));
            if (ratio <= (parsed.GetValue(limit) ?? double.PositiveInfinity))
            {
                return 0;
            }

            Console.Error.WriteLine($"A step takes {ratio:F2} x the ideal processor time; the limit is {parsed.GetValue(limit)}.");
            return 1;
        });
        return command;
    }

    private static double Run(
        string name, int? layers, string baseType, ScalarType compute, int batch, int length, int r, TargetModules targets, int checkpointed, bool trim, int steps)
    {
        ScalarType dtype = baseType == "fp32" ? ScalarType.Float32 : baseType == "bf16" ? ScalarType.BFloat16 : compute;
        (double PerSecond, double PerProcessorSecond) rate = Yardsticks.DenseRate(dtype);
        double copy = Yardsticks.CopyRate();
        Console.WriteLine($"yardsticks: dense {dtype} linear {rate.PerSecond / 1e9:F0} GFLOP/s, memory copy {copy / 1e9:F1} GB/s, {get_num_threads()} threads");

        var watch = Stopwatch.StartNew();
        var options = new LoadOptions { Dtype = dtype, Quantization = baseType == "nf4" ? QuantizationConfig.Nf4(doubleQuant: true, computeType: compute) : null };
        using CausalLM model = ModelShape.Has(name) ? CausalLM.Create(ModelShape.Config(name, layers), options) : CausalLM.Load(name, options);
        Console.WriteLine($"{name} ({baseType}): made or loaded in {watch.Elapsed.TotalSeconds:F1} s, weights {model.MemoryFootprint() / 1e9:F2} GB, peak so far {Gib(Yardsticks.PeakMemory())}");

        model.AddLora(new LoraConfig { R = r, Alpha = 2 * r, TargetModules = targets });
        Console.WriteLine(model.TrainableParameters());
        List<StepCost> costs = Steps(model, batch, length, checkpointed, trim, steps);
        (double PerSecond, double PerProcessorSecond) after = Yardsticks.DenseRate(dtype);
        double operations = 4.0 * LinearElements(model) * batch * length;
        double ideal = operations / Math.Max(rate.PerSecond, after.PerSecond), idealProcessor = operations / Math.Max(rate.PerProcessorSecond, after.PerProcessorSecond);
        double best = costs.Min(cost => cost.Seconds), median = costs.Select(cost => cost.Seconds).Order().ElementAt(costs.Count / 2), processor = costs.Min(cost => cost.ProcessorSeconds);
        Console.WriteLine($"batch {batch} x {length}, checkpointing {(checkpointed == 0 ? "off" : checkpointed == int.MaxValue ? "on" : $"of {checkpointed} layers")}: best {best:F2} s, median {median:F2} s, {batch * length / best:F0} tokens/s");
        Console.WriteLine($"{best / ideal:F2} x the ideal time ({ideal:F2} s), peak resident {Gib(Yardsticks.PeakMemory())}");
        Console.WriteLine($"processor time, which a busy machine disturbs less: {processor:F2} s, {processor / idealProcessor:F2} x the ideal");
        return processor / idealProcessor;
    }

    private static List<StepCost> Steps(CausalLM model, int batch, int length, int checkpointed, bool trim, int steps)
    {
        var random = new Random(1);
        int vocabulary = model.Config.Integer("vocab_size");
        TokenizedRow[] rows = [.. Enumerable.Range(0, batch * steps).Select(_ => Row(Enumerable.Range(0, length).Select(_ => random.Next(vocabulary)).ToArray()))];
        var costs = new List<StepCost>();
        TimeSpan last = TimeSpan.Zero, processor = Environment.CpuUsage.TotalTime;
        var trainer = new SftTrainer(model, null, rows, null, new SftOptions
        {
            OutputDirectory = Path.Combine(Path.GetTempPath(), "lorasharp-step"),
            BatchSize = batch,
            MaxSteps = steps,
            SaveStrategy = StepStrategy.No,
            GradientCheckpointing = checkpointed > 0,
            TrimMemory = trim,
            CheckpointedLayers = checkpointed > 0 ? checkpointed : null,
            LearningRate = 1e-4,
            Progress = new Observer(p =>
            {
                TimeSpan used = Environment.CpuUsage.TotalTime;
                costs.Add(new StepCost((p.Elapsed - last).TotalSeconds, (used - processor).TotalSeconds));
                Console.WriteLine($"  step {p.Step}: {costs[^1].Seconds:F2} s, loss {p.Loss:F4}");
                (last, processor) = (p.Elapsed, used);
            }),
        });
        trainer.Train();
        return costs;

        static TokenizedRow Row(int[] ids) => new(ids, ids);
    }

    // The matrices that the ideal time counts: every linear layer, the output head included.
    private static double LinearElements(CausalLM model) =>
        model.modules().OfType<Layers.Linear>().DistinctBy(l => l.Weight).Sum(l => (double)l.Weight.OutFeatures * l.Weight.InFeatures);

    private readonly record struct StepCost(double Seconds, double ProcessorSeconds);

    private static string Gib(long bytes) => $"{bytes / (double)(1L << 30):F2} GiB";

    private sealed class Observer(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
