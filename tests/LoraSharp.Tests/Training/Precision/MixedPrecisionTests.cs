using LoraSharp.CrashHost;
using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training;

public class MixedPrecisionTests
{
    [Theory]
    [InlineData(MixedPrecision.BFloat16, "llama-tiny", false)]
    [InlineData(MixedPrecision.Float16, "llama-tiny", false)]
    [InlineData(MixedPrecision.BFloat16, "llama-tiny", true)]
    [InlineData(MixedPrecision.Float16, "llama-tiny", true)]
    [InlineData(MixedPrecision.BFloat16, "gemma2", true)]
    [InlineData(MixedPrecision.Float16, "gemma2", false)]
    [InlineData(MixedPrecision.BFloat16, "gpt2", false)]
    [InlineData(MixedPrecision.BFloat16, "phi3-fused-window", false)]
    [InlineData(MixedPrecision.BFloat16, "mixtral", false)]
    [InlineData(MixedPrecision.Float16, "gpt-oss", false)]
    [InlineData(MixedPrecision.BFloat16, "olmo2", true)]
    [InlineData(MixedPrecision.BFloat16, "mistral-window", false)]
    public void Losses_and_gradients_stay_near_those_of_full_precision(MixedPrecision precision, string name, bool checkpointing)
    {
        (double Loss, double Norm) full = FirstStep(name, MixedPrecision.None, checkpointing), mixed = FirstStep(name, precision, checkpointing);
        Assert.NotEqual(full.Loss, mixed.Loss);
        Assert.Equal(full.Loss, mixed.Loss, 0.01 * full.Loss);
        Assert.Equal(full.Norm, mixed.Norm, 0.06 * full.Norm);
    }

    [Theory]
    [InlineData(MixedPrecision.BFloat16)]
    [InlineData(MixedPrecision.Float16)]
    public void Packed_documents_and_four_bit_bases_work(MixedPrecision precision)
    {
        double[] losses = [.. new[] { MixedPrecision.None, precision }.Select(Train)];
        Assert.Equal(losses[0], losses[1], 0.01 * losses[0]);

        static double Train(MixedPrecision precision)
        {
            using var run = new TinyRun();
            using CausalLM model = TinyTraining.Model(run.ModelFolder, new LoadOptions { Quantization = QuantizationConfig.Nf4(computeType: ScalarType.Float32) });
            SftOptions options = run.Options with { Packing = true, MaxLength = 64, MaxSteps = 2, Precision = precision };
            return new SftTrainer(model, Tokenizer.Load(run.ModelFolder), TinyTraining.Rows(), options).Train().LogHistory[1]["loss"];
        }
    }

    [Theory]
    [InlineData("dora", MixedPrecision.BFloat16)]
    [InlineData("dora", MixedPrecision.Float16)]
    [InlineData("ia3", MixedPrecision.BFloat16)]
    [InlineData("loha", MixedPrecision.BFloat16)]
    [InlineData("vera", MixedPrecision.Float16)]
    [InlineData("oft", MixedPrecision.BFloat16)]
    [InlineData("prompt", MixedPrecision.BFloat16)]
    [InlineData("prefix", MixedPrecision.BFloat16)]
    [InlineData("prefix", MixedPrecision.Float16)]
    public void Every_kind_of_adapter_trains(string method, MixedPrecision precision)
    {
        double[] losses = [.. new[] { MixedPrecision.None, precision }.Select(Train)];
        Assert.Equal(losses[0], losses[1], 0.01 * losses[0]);

        double Train(MixedPrecision precision)
        {
            using var run = new TinyRun();
            using CausalLM model = CausalLM.Load(run.ModelFolder);
            manual_seed(3);
            model.AddAdapter(method switch
            {
                "dora" => new LoraConfig { R = 4, UseDora = true, TargetModules = new[] { "q_proj", "down_proj" } },
                "ia3" => new Ia3Config(),
                "loha" => new LohaConfig { R = 4, TargetModules = new[] { "q_proj", "down_proj" } },
                "vera" => new VeraConfig { R = 4, TargetModules = new[] { "q_proj", "v_proj" } },
                "oft" => new OftConfig { R = 2, BlockSize = 0, TargetModules = new[] { "q_proj" } },
                "prompt" => new PromptTuningConfig { VirtualTokens = 3 },
                _ => (AdapterConfig)new PrefixTuningConfig { VirtualTokens = 3 },
            });
            SftOptions options = run.Options with { MaxSteps = 3, LearningRate = 1e-3, Precision = precision };
            return new SftTrainer(model, Tokenizer.Load(run.ModelFolder), TinyTraining.Rows(), options).Train().LogHistory[2]["loss"];
        }
    }

    [Fact]
    public void Weights_and_optimizer_stay_in_float32_and_the_model_is_left_as_it_was()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { Precision = MixedPrecision.BFloat16, SaveStrategy = StepStrategy.Steps, SaveSteps = 4 };
        run.Train();
        Assert.All(run.Model.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.dtype));
        Assert.All(run.Model.modules().OfType<Linear>(), linear => Assert.Null(linear.Weight.AutocastType));
        using SafeTensorsFile states = SafeTensorsFile.Open(Path.Combine(run.Output, "checkpoint-4", "optimizer.safetensors"));
        Assert.All(states.Tensors.Where(entry => entry.Name.StartsWith("exp_avg", StringComparison.Ordinal)), entry => Assert.Equal("F32", entry.Dtype));
    }

    [Fact]
    public void A_whole_model_is_trained_over_float32_weights()
    {
        using var run = new TinyRun();
        using CausalLM model = CausalLM.Load(run.ModelFolder);
        double[] losses = [.. new SftTrainer(model, Tokenizer.Load(run.ModelFolder), TinyTraining.Rows(), run.Options with { MaxSteps = 10, LearningRate = 1e-3, Precision = MixedPrecision.BFloat16 })
            .Train().LogHistory.Where(entry => entry.ContainsKey("loss")).Select(entry => entry["loss"])];
        Assert.True(losses[^1] < losses[0] - 0.3, string.Join(" ", losses));
    }

    [Fact]
    public void A_step_whose_gradients_overflow_is_skipped()
    {
        using var run = new TinyRun();
        byte[] before = [], after = [];
        double scale = 0;
        run.Options = run.Options with
        {
            Precision = MixedPrecision.Float16,
            GradientAccumulationSteps = 2,
            Scheduler = SchedulerType.Linear,
            SaveStrategy = StepStrategy.Steps,
            SaveSteps = 1,
            Callbacks =
            [
                new RecordingCallback((name, context) =>
                {
                    if (context.State.GlobalStep == 1 && name == "OnSubstepEnd")
                    {
                        context.Optimizer!.Groups[0].Parameters[0].Value.grad!.fill_(float.PositiveInfinity);
                        before = run.Adapter();
                    }

                    if (context.State.GlobalStep == 2 && name == "OnStepEnd")
                    {
                        after = run.Adapter();
                        scale = context.Progress!.GradNorm;
                    }
                }),
            ],
        };
        TrainingResult result = run.Train();
        Assert.Equal(before, after);
        Assert.False(double.IsFinite(scale));
        double[] rates = [.. result.LogHistory.Where(entry => entry.ContainsKey("learning_rate")).Select(entry => entry["learning_rate"])];
        Assert.Equal([5e-3, 3.75e-3, 3.75e-3, 2.5e-3], rates.Select(rate => Math.Round(rate, 10)));
        Assert.Contains("\"scale\":65536", File.ReadAllText(Path.Combine(run.Output, "checkpoint-1", "scaler.json")), StringComparison.Ordinal);
        Assert.Contains("\"scale\":32768", File.ReadAllText(Path.Combine(run.Output, "checkpoint-2", "scaler.json")), StringComparison.Ordinal);
        Assert.Contains("\"grad_norm\": null", File.ReadAllText(Path.Combine(run.Output, "checkpoint-2", "trainer_state.json")), StringComparison.Ordinal);

        // Resumed after the skipped step, the run ends with the same bytes.
        byte[] whole = run.Adapter();
        run.Options = run.Options with { Callbacks = [] };
        run.Train(Path.Combine(run.Output, "checkpoint-2"));
        Assert.Equal(whole, run.Adapter());
    }

    [Fact]
    public void Gradients_that_no_scale_makes_finite_end_the_run()
    {
        using var run = new TinyRun();
        run.Options = run.Options with
        {
            Precision = MixedPrecision.Float16,
            MaxSteps = 100,
            GradientAccumulationSteps = 2,
            BatchSize = 1,
            Callbacks = [new RecordingCallback((name, context) => _ = name == "OnSubstepEnd" ? context.Optimizer!.Groups[0].Parameters[0].Value.grad!.fill_(float.NaN) : null)],
        };
        Assert.Matches("^The gradients are not finite at any loss scale at step 41;", Assert.Throws<TrainingException>(() => run.Train()).Message);
    }

    [Fact]
    public void A_checkpoint_of_another_precision_is_refused()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { SaveStrategy = StepStrategy.Steps, SaveSteps = 2 };
        run.Train();
        byte[] before = run.Adapter();
        run.Options = run.Options with { Precision = MixedPrecision.Float16 };
        Assert.Contains("scaler.json", Assert.Throws<TrainingException>(() => run.Train(run.Output)).Message, StringComparison.Ordinal);
        Assert.Equal(before, run.Adapter());
    }

    [Fact]
    public void Float16_needs_weights_in_another_type()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { AdapterDtype = ScalarType.Float16, Precision = MixedPrecision.Float16 };
        Assert.Contains("needs trained weights in float32", Assert.Throws<TrainingException>(() => run.Train()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Adapters_are_converted_in_place_and_their_states_follow()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { AdapterDtype = ScalarType.BFloat16, SaveStrategy = StepStrategy.Steps, SaveSteps = 2 };
        run.Train();
        Assert.All(run.Model.parameters(), parameter => Assert.Equal(parameter.requires_grad ? ScalarType.BFloat16 : ScalarType.Float32, parameter.dtype));
        byte[] whole = run.Adapter();
        run.Train(Path.Combine(run.Output, "checkpoint-2"));
        Assert.Equal(whole, run.Adapter());
    }

    private static (double Loss, double Norm) FirstStep(string name, MixedPrecision precision, bool checkpointing)
    {
        using var run = new TinyRun(model: name, targets: TargetModules.AllLinear);
        SftOptions options = run.Options with { MaxSteps = 1, Precision = precision, GradientCheckpointing = checkpointing };
        int vocabulary = run.Model.Config.Integer("vocab_size");
        var random = new Random(5);
        TokenizedRow[] rows = [.. Enumerable.Range(0, 2).Select(_ => Enumerable.Range(0, 24).Select(_ => random.Next(3, vocabulary)).ToArray()).Select(ids => new TokenizedRow(ids, ids))];
        IReadOnlyDictionary<string, double> entry = new SftTrainer(run.Model, null, rows, null, options).Train().LogHistory[0];
        return (entry["loss"], entry["grad_norm"]);
    }
}
