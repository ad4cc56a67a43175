using System.Text.Json;
using System.Text.RegularExpressions;
using LoraSharp.Adapters.Files;
using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training;

public class TrainerGoldenTests
{
    private static readonly string[] KnownParameters =
    [
        "trainer", "learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "max_steps", "num_train_epochs", "per_device_train_batch_size",
        "gradient_accumulation_steps", "per_device_eval_batch_size", "max_grad_norm", "weight_decay", "optim", "adam_beta1", "adam_beta2", "adam_epsilon", "label_smoothing_factor", "bf16",
        "gradient_checkpointing", "logging_steps", "eval_steps", "train_sampling_strategy", "seed", "data_seed", "max_length", "packing", "packing_strategy", "padding_free",
        "pad_to_multiple_of", "completion_only_loss", "assistant_only_loss", "loss_type", "attn_implementation", "quantization_config", "adapter_dtype", "trainable", "chat_template",
        "save_steps", "peft_config",
    ];

    [Theory, GoldenCases("trainer")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("trainer", name);
        golden.RequireKnownParameters(KnownParameters);
        JsonElement p = golden.Parameters;
        Assert.Equal("nll", p.GetProperty("loss_type").GetString());
        using var output = new TemporaryFolder();
        using var tensors = new GoldenTensors(golden);
        using CausalLM model = Prepare(golden);
        Assert.Equal(golden.Expected.GetProperty("trainable_parameters").GetInt64(), model.TrainableParameters().Trainable);

        SftTrainer trainer = NewTrainer(golden, model, output.Path);
        TrainingResult result = trainer.Train();
        CompareLog(golden, "log_history", golden.Expected.GetProperty("log_history"), result.LogHistory);
        CompareWeights(golden, tensors, model);
        if (p.GetProperty("save_steps").ValueKind == JsonValueKind.Number)
        {
            CheckResume(golden, tensors, model, output.At($"checkpoint-{p.GetProperty("save_steps").GetInt32()}"));
        }
    }

    private static CausalLM Prepare(GoldenCase golden)
    {
        JsonElement p = golden.Parameters;
        QuantizationConfig? quantization = null;
        if (p.GetProperty("quantization_config") is { ValueKind: JsonValueKind.Object } q)
        {
            Assert.Equal("nf4", q.GetProperty("bnb_4bit_quant_type").GetString());
            quantization = QuantizationConfig.Nf4(q.GetProperty("bnb_4bit_use_double_quant").GetBoolean(), TestTypes.Of(q.GetProperty("bnb_4bit_compute_dtype").GetString()!));
        }

        CausalLM model = CausalLM.Load(golden.ModelFolder(), new LoadOptions { Dtype = ScalarType.Float32, Quantization = quantization });
        if (p.GetProperty("peft_config").ValueKind == JsonValueKind.Object)
        {
            model.LoadAdapter(Path.Combine(golden.Folder, "adapter"), trainable: true);
        }
        else if (p.GetProperty("trainable").ValueKind == JsonValueKind.Array)
        {
            string[] patterns = [.. p.GetProperty("trainable").EnumerateArray().Select(t => $"^(?:{t.GetString()})$")];
            foreach (var (name, parameter) in model.named_parameters())
            {
                parameter.requires_grad_(patterns.Any(pattern => Regex.IsMatch(name, pattern)));
            }
        }

        return model;
    }

    private static SftTrainer NewTrainer(GoldenCase golden, CausalLM model, string output)
    {
        JsonElement p = golden.Parameters;
        TokenizedRow[] train = Rows("prepared_train")!;
        TokenizedRow[]? eval = Rows("prepared_eval");
        int steps = p.GetProperty("save_steps").ValueKind == JsonValueKind.Number ? p.GetProperty("save_steps").GetInt32() : 0;
        var trainer = new SftTrainer(model, null, train, eval, new SftOptions
        {
            OutputDirectory = output,
            LearningRate = p.GetProperty("learning_rate").GetDouble(),
            Scheduler = JsonSerializer.Deserialize<SchedulerType>(p.GetProperty("lr_scheduler_type").GetRawText()),
            WarmupSteps = p.GetProperty("warmup_steps").GetDouble(),
            MaxSteps = p.GetProperty("max_steps").GetInt32(),
            Epochs = p.GetProperty("num_train_epochs").GetDouble(),
            BatchSize = p.GetProperty("per_device_train_batch_size").GetInt32(),
            EvalBatchSize = p.GetProperty("per_device_eval_batch_size").GetInt32(),
            GradientAccumulationSteps = p.GetProperty("gradient_accumulation_steps").GetInt32(),
            MaxGradNorm = p.GetProperty("max_grad_norm").GetDouble(),
            WeightDecay = p.GetProperty("weight_decay").GetDouble(),
            Optimizer = OptimizerFactory.Parse(p.GetProperty("optim").GetString()!),
            OptimizerOptions = new OptimizerOptions { Beta1 = p.GetProperty("adam_beta1").GetDouble(), Beta2 = p.GetProperty("adam_beta2").GetDouble(), Eps = p.GetProperty("adam_epsilon").GetDouble() },
            LabelSmoothing = p.GetProperty("label_smoothing_factor").GetDouble(),
            Precision = p.GetProperty("bf16").GetBoolean() ? MixedPrecision.BFloat16 : MixedPrecision.None,
            AdapterDtype = p.GetProperty("adapter_dtype") is { ValueKind: JsonValueKind.String } type ? TestTypes.Of(type.GetString()!) : null,
            GradientCheckpointing = p.GetProperty("gradient_checkpointing").GetBoolean(),
            LoggingSteps = p.GetProperty("logging_steps").GetInt32(),
            EvalStrategy = eval is null ? StepStrategy.No : StepStrategy.Steps,
            EvalSteps = p.GetProperty("eval_steps").GetInt32(),
            Sampling = JsonSerializer.Deserialize<SamplingStrategy>(p.GetProperty("train_sampling_strategy").GetRawText()),
            Seed = p.GetProperty("seed").GetInt32(),
            DataSeed = p.GetProperty("data_seed") is { ValueKind: JsonValueKind.Number } seed ? seed.GetInt32() : null,
            SaveStrategy = steps > 0 ? StepStrategy.Steps : StepStrategy.No,
            SaveSteps = Math.Max(1, steps),
            MaxLength = p.GetProperty("max_length") is { ValueKind: JsonValueKind.Number } length ? length.GetInt32() : null,
            Packing = p.GetProperty("packing").GetBoolean(),
            PackingStrategy = JsonSerializer.Deserialize<PackingStrategy>(p.GetProperty("packing_strategy").GetRawText()),
            PaddingFree = p.GetProperty("padding_free").GetBoolean(),
            PadToMultipleOf = p.GetProperty("pad_to_multiple_of") is { ValueKind: JsonValueKind.Number } multiple ? multiple.GetInt32() : null,
        });
        trainer.BeforeClipping = (step, groups) => CompareGradients(golden, model, step);
        return trainer;

        TokenizedRow[]? Rows(string key) => golden.Inputs.GetProperty(key) is { ValueKind: JsonValueKind.Array } rows
            ? [.. rows.EnumerateArray().Select(r => new TokenizedRow(Ints(r, "input_ids")!, Ints(r, "labels")!, Ints(r, "seq_lengths")))]
            : null;

        static int[]? Ints(JsonElement row, string key) => row.TryGetProperty(key, out JsonElement list) && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Select(i => i.GetInt32())] : null;
    }

    private static Dictionary<string, Tensor> Trained(CausalLM model) =>
        model.AdapterNames().Count > 0
            ? AdapterFiles.Tensors(model, "default").ToDictionary(t => t.Key, t => (Tensor)t.Value)
            : model.named_parameters().Where(t => t.parameter.requires_grad).ToDictionary(t => t.name, t => (Tensor)t.parameter);

    private static double Tolerance(GoldenCase golden, string what) => golden.Root.GetProperty("tolerance").GetProperty("by_name").GetProperty(what).GetDouble();

    private static void CompareGradients(GoldenCase golden, CausalLM model, int step)
    {
        if (step > 0)
        {
            return;
        }

        using var tensors = new GoldenTensors(golden);
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in Trained(model))
        {
            GoldenTensors.AssertClose($"gradient of {name}", tensors[$"expected.gradient.{name}"], tensor.grad!, Tolerance(golden, "gradient"), golden.Relative);
        }
    }

    private static void CompareWeights(GoldenCase golden, GoldenTensors tensors, CausalLM model)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> trained = Trained(model);
        Assert.Equal(tensors.Names.Where(n => n.StartsWith("expected.weight.", StringComparison.Ordinal)).Order(StringComparer.Ordinal), trained.Keys.Select(k => "expected.weight." + k).Order(StringComparer.Ordinal));
        foreach (var (name, tensor) in trained)
        {
            GoldenTensors.AssertClose(name, tensors[$"expected.weight.{name}"], tensor, Tolerance(golden, "weight"), golden.Relative);
        }
    }

    private static void CompareLog(GoldenCase golden, string what, JsonElement expected, IReadOnlyList<IReadOnlyDictionary<string, double>> actual)
    {
        Assert.Equal(expected.GetArrayLength(), actual.Count);
        for (int i = 0; i < actual.Count; i++)
        {
            Assert.Equal(expected[i].EnumerateObject().Select(e => e.Name).Order(StringComparer.Ordinal), actual[i].Keys.Where(k => !k.EndsWith("runtime", StringComparison.Ordinal) && !k.EndsWith("per_second", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            foreach (JsonProperty entry in expected[i].EnumerateObject())
            {
                string kind = entry.Name.Replace("eval_", "", StringComparison.Ordinal).Replace("train_", "", StringComparison.Ordinal);
                (double absolute, double relative) = kind switch
                {
                    "loss" or "grad_norm" or "entropy" or "mean_token_accuracy" => (Tolerance(golden, kind), golden.Relative),
                    "learning_rate" or "epoch" => (1e-15, 1e-9),
                    "step" or "num_tokens" => (0.0, 0.0),
                    _ => throw new NotSupportedException($"The runner does not know the log entry '{entry.Name}'."),
                };
                GoldenTensors.AssertClose($"{what}[{i}].{entry.Name}", entry.Value.GetDouble(), actual[i][entry.Name], absolute, relative);
            }
        }
    }

    private static void CheckResume(GoldenCase golden, GoldenTensors tensors, CausalLM finished, string checkpoint)
    {
        using (var scope = NewDisposeScope())
        using (SafeTensorsFile weights = SafeTensorsFile.Open(Path.Combine(checkpoint, AdapterFiles.WeightsFile)), optimizer = SafeTensorsFile.Open(Path.Combine(checkpoint, "optimizer.safetensors")))
        {
            foreach (string name in tensors.Names.Where(n => n.StartsWith("expected.checkpoint.weight.", StringComparison.Ordinal)))
            {
                string key = name["expected.checkpoint.weight.".Length..];
                GoldenTensors.AssertClose(name, tensors[name], weights.Load(key), Tolerance(golden, "weight"), golden.Relative);
                string path = key["base_model.model.".Length..].Replace(".lora_A.weight", ".adapters.default.lora_A", StringComparison.Ordinal).Replace(".lora_B.weight", ".adapters.default.lora_B", StringComparison.Ordinal);
                foreach (string moment in (string[])["exp_avg", "exp_avg_sq"])
                {
                    GoldenTensors.AssertClose($"{moment}.{key}", tensors[$"expected.checkpoint.{moment}.{key}"], optimizer.Load($"{moment}.{path}"), Tolerance(golden, "gradient"), golden.Relative);
                }
            }
        }

        CompareState(golden, checkpoint);
        using var output = new TemporaryFolder();
        using CausalLM model = Prepare(golden);
        SftTrainer trainer = NewTrainer(golden, model, output.Path);
        trainer.BeforeClipping = null;
        TrainingResult result = trainer.Train(checkpoint);
        int from = golden.Parameters.GetProperty("save_steps").GetInt32();
        CompareLog(golden, "resumed_log_history", golden.Expected.GetProperty("resumed_log_history"), [.. result.LogHistory.Where(e => e["step"] > from)]);

        // Resumed and uninterrupted runs end bit for bit the same.
        Dictionary<string, Tensor> once = Trained(finished), twice = Trained(model);
        foreach (var (name, tensor) in once)
        {
            Assert.True(tensor.eq(twice[name]).all().item<bool>(), $"{name} differs after resuming");
        }
    }

    private static void CompareState(GoldenCase golden, string checkpoint)
    {
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden.Folder, "trainer_state.json")));
        using JsonDocument actual = JsonDocument.Parse(File.ReadAllText(Path.Combine(checkpoint, "trainer_state.json")));
        Assert.Equal(expected.RootElement.EnumerateObject().Select(e => e.Name).Order(StringComparer.Ordinal), actual.RootElement.EnumerateObject().Select(e => e.Name).Order(StringComparer.Ordinal));
        foreach (string key in (string[])["epoch", "global_step", "max_steps", "logging_steps", "eval_steps", "save_steps", "train_batch_size", "num_train_epochs"])
        {
            Assert.Equal(expected.RootElement.GetProperty(key).GetDouble(), actual.RootElement.GetProperty(key).GetDouble(), 12);
        }

        Assert.Equal(expected.RootElement.GetProperty("log_history").GetArrayLength(), actual.RootElement.GetProperty("log_history").GetArrayLength());
    }
}
