using System.Text.Json;
using LoraSharp.Adapters.Files;
using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

public partial class SmolLM2GoldenTests
{
    private static void CheckTraining(GoldenCase golden, string folder)
    {
        golden.RequireKnownParameters(
            "kind", "dtype", "quantization_config", "lora", "training", "max_length", "completion_only_loss", "optimizer", "lr_scheduler_type", "warmup_steps", "do_sample", "max_new_tokens",
            "eos_token_id", "pad_token_id");
        JsonElement p = golden.Parameters, settings = p.GetProperty("training"), lora = p.GetProperty("lora");
        Assert.Equal("adamw", p.GetProperty("optimizer").GetString());
        Assert.False(lora.GetProperty("use_dora").GetBoolean());
        using var tensors = new GoldenTensors(golden);
        Tokenizer tokenizer = Tokenizer.Load(folder);
        TokenizedRow[] rows = CheckRows(golden, tensors, tokenizer);
        using CausalLM model = Load(golden, folder);
        model.AddLora(new LoraConfig
        {
            R = lora.GetProperty("r").GetInt32(),
            Alpha = lora.GetProperty("lora_alpha").GetDouble(),
            Dropout = lora.GetProperty("lora_dropout").GetDouble(),
            UseRsLora = lora.GetProperty("use_rslora").GetBoolean(),
            TargetModules = lora.GetProperty("target_modules").EnumerateArray().Select(m => m.GetString()!).ToArray(),
        });
        Dictionary<string, Tensor> trained = AdapterFiles.Tensors(model, "default").ToDictionary(t => t.Key, t => t.Value);
        Dictionary<string, Tensor> start = [];
        using (no_grad())
        {
            foreach (var (key, parameter) in trained)
            {
                using Tensor? initial = tensors.Find("input." + key);
                if (initial is not null)
                {
                    parameter.copy_(initial);
                }

                start[key] = parameter.detach().clone();
            }
        }

        var options = new GenerationOptions { MaxNewTokens = p.GetProperty("max_new_tokens").GetInt32(), EosTokenIds = [p.GetProperty("eos_token_id").GetInt32()] };
        IReadOnlyList<int> prompt = tokenizer.EncodeToIds(tokenizer.ApplyChatTemplate(Messages(golden.Inputs.GetProperty("question")), addGenerationPrompt: true));
        using var output = new TemporaryFolder();
        var trainer = new SftTrainer(model, null, rows, null, new SftOptions
        {
            OutputDirectory = output.Path,
            LearningRate = settings.GetProperty("learning_rate").GetDouble(),
            Scheduler = JsonSerializer.Deserialize<SchedulerType>(p.GetProperty("lr_scheduler_type").GetRawText()),
            WarmupSteps = p.GetProperty("warmup_steps").GetDouble(),
            MaxSteps = settings.GetProperty("max_steps").GetInt32(),
            BatchSize = settings.GetProperty("per_device_train_batch_size").GetInt32(),
            GradientAccumulationSteps = settings.GetProperty("gradient_accumulation_steps").GetInt32(),
            MaxGradNorm = settings.GetProperty("max_grad_norm").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
            OptimizerOptions = new OptimizerOptions
            {
                Beta1 = settings.GetProperty("adam_beta1").GetDouble(),
                Beta2 = settings.GetProperty("adam_beta2").GetDouble(),
                Eps = settings.GetProperty("adam_epsilon").GetDouble(),
            },
            Sampling = SamplingStrategy.Sequential,
            SaveStrategy = StepStrategy.No,
            LoggingSteps = 1,
        });
        TrainingResult result = trainer.Train();
        CompareSeries("losses", "loss", golden.Expected.GetProperty("losses"));
        CompareSeries("expected.grad_norms", "grad_norm", golden.Expected.GetProperty("grad_norms"));

        double relativeNorm = golden.Root.GetProperty("tolerance").GetProperty("by_name").GetProperty("adapter").GetProperty("relative_norm").GetDouble();
        using (SafeTensorsFile reference = SafeTensorsFile.Open(Path.Combine(golden.Folder, "adapter", AdapterFiles.WeightsFile)))
        {
            Assert.Equal(reference.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), trained.Keys.Order(StringComparer.Ordinal));
            foreach (var (key, parameter) in trained)
            {
                using var scope = NewDisposeScope();
                Tensor expected = reference.Load(key);
                double error = ((parameter.detach() - expected).norm() / (expected - start[key]).norm()).item<float>();
                Assert.True(error <= relativeNorm, $"{key}: moved by {error:g3} of the reference's way elsewhere, allowed {relativeNorm:g3}");
            }
        }

        using (model.DisableAdapters())
        {
            Assert.Equal(Ints(golden.Expected, "answer_before_ids"), model.GenerateIds([prompt], options)[0]);
        }

        Assert.Equal(Ints(golden.Expected, "answer_ids"), model.GenerateIds([prompt], options)[0]);

        void CompareSeries(string what, string entry, JsonElement expected)
        {
            (double absolute, double relative) = Tolerance(golden, what);
            for (int i = 0; i < expected.GetArrayLength(); i++)
            {
                GoldenTensors.AssertClose($"{what}[{i}]", expected[i].GetDouble(), result.LogHistory[i][entry], absolute, relative);
            }
        }
    }

    // The case's tensors are the rows to train on; the library's own preparation has to give the same.
    private static TokenizedRow[] CheckRows(GoldenCase golden, GoldenTensors tensors, Tokenizer tokenizer)
    {
        using var scope = NewDisposeScope();
        JsonElement conversations = golden.Inputs.GetProperty("conversations"), rendered = golden.Inputs.GetProperty("rendered");
        for (int i = 0; i < conversations.GetArrayLength(); i++)
        {
            Assert.Equal(rendered[i].GetString(), tokenizer.ApplyChatTemplate(Messages(conversations[i])));
        }

        Tensor ids = tensors["input.input_ids"], labels = tensors["input.labels"], mask = tensors["input.attention_mask"];
        var rows = new TokenizedRow[ids.shape[0]];
        for (int i = 0; i < rows.Length; i++)
        {
            int length = (int)mask[i].sum().item<long>();
            rows[i] = new TokenizedRow(
                [.. ids[i].narrow(0, 0, length).to(ScalarType.Int64).data<long>().ToArray().Select(id => (int)id)],
                [.. labels[i].narrow(0, 0, length).to(ScalarType.Int64).data<long>().ToArray().Select(id => (int)id)]);
        }

        return rows;
    }
}
