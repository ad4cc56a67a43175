using System.Text.Json.Nodes;
using LoraSharp.CrashHost;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using static TorchSharp.torch;

namespace LoraSharp.Tests.EndToEnd;

public sealed class LeakTests : IDisposable
{
    private const long Megabyte = 1 << 20;
    private readonly TemporaryFolder _folder = new();

    private static string ModelFolder => GoldenFolder.ModelFolder("llama-tiny")!;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Two_hundred_training_steps_keep_nothing(bool checkpointing, bool quantised)
    {
        using CausalLM model = TinyTraining.Model(ModelFolder, quantised ? new LoadOptions { Quantization = QuantizationConfig.Nf4() } : null, dropout: 0.1);

        // The first steps are compiled, and again when they turn out to be hot; that takes some megabytes.
        var watch = new Watch(200, 400);
        SftOptions options = TinyTraining.Options(_folder.At("run"), 400, saveSteps: 50) with
        {
            GradientCheckpointing = checkpointing,
            SaveTotalLimit = 1,
            Progress = watch,
            EvalStrategy = StepStrategy.Steps,
            EvalSteps = 20,
        };
        var trainer = new SftTrainer(model, Tokenizer.Load(ModelFolder), TinyTraining.Rows(), options, TinyTraining.Rows(4));
        trainer.Train();
        watch.AssertFlat();
    }

    [Fact]
    public void A_finished_run_keeps_nothing()
    {
        using CausalLM model = TinyTraining.Model(ModelFolder);
        var trainer = new SftTrainer(model, Tokenizer.Load(ModelFolder), TinyTraining.Rows(), TinyTraining.Options(_folder.At("run"), 2));
        trainer.Train();
        trainer.SaveModel(_folder.At("adapter"));
        long before = AfterCollection();
        for (int i = 0; i < 3; i++)
        {
            trainer.Train();
            trainer.SaveModel(_folder.At("adapter"));
        }

        Assert.InRange(Tensor.TotalCount, 0, before);
    }

    [Fact]
    public async Task Two_hundred_generations_keep_nothing()
    {
        using CausalLM model = CausalLM.Load(ModelFolder);
        Tokenizer tokenizer = Tokenizer.Load(ModelFolder);
        var watch = new Watch(60, 200);
        for (int i = 1; i <= 200; i++)
        {
            var options = new GenerationOptions { MaxNewTokens = 4, DoSample = i % 2 == 0, TopP = 0.9, RepetitionPenalty = 1.1, Seed = i };
            Assert.Equal(2, model.Generate(tokenizer, ["a b c", "hello there"], options, TestContext.Current.CancellationToken).Count);
            await foreach (string piece in model.GenerateStreaming(tokenizer, "a b", options, TestContext.Current.CancellationToken))
            {
                Assert.NotEmpty(piece);
                if (i % 3 == 0)
                {
                    break;
                }
            }

            watch.See(i);
        }

        watch.AssertFlat();
    }

    // TorchSharp's own count does not go down when a parameter is made from a tensor, so this looks at the memory: about 40 MB for each model.
    [Fact]
    public void Models_that_are_disposed_are_gone_at_once()
    {
        var json = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(ModelFolder, "config.json")))!;
        json["hidden_size"] = 512;
        json["intermediate_size"] = 2048;
        json["num_hidden_layers"] = 3;
        long size;
        using (CausalLM model = CausalLM.Create(new ModelConfig(json)))
        {
            size = model.MemoryFootprint();
            model.Save(_folder.At("model"));
        }

        Cycle();
        AfterCollection();
        long before = Environment.WorkingSet;
        for (int i = 0; i < 8; i++)
        {
            Cycle();
        }

        Assert.InRange(size, 30 * Megabyte, 60 * Megabyte);

        // Merging fragments the heap by up to a model's size, once.
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 2 * size);

        void Cycle()
        {
            using CausalLM model = CausalLM.Load(_folder.At("model"));
            model.AddLora(r: 2, targetModules: ["q_proj", "v_proj"]);
            model.MergeAndUnload();
        }
    }

    private static long AfterCollection()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return Tensor.TotalCount;
    }

    /// <summary>Looks at the living tensors and the resident memory at two steps.</summary>
    private sealed class Watch(int first, int last) : IProgress<TrainingProgress>
    {
        private readonly List<(long Tensors, long Bytes)> _seen = [];

        public void Report(TrainingProgress value) => See(value.Step);

        public void See(int step)
        {
            if (step == first || step == last)
            {
                // What earlier tests left for the collector does not count; what this one leaves does.
                long tensors = step == first ? AfterCollection() : Tensor.TotalCount;
                AfterCollection();
                _seen.Add((tensors, Environment.WorkingSet));
            }
        }

        public void AssertFlat()
        {
            Assert.Equal(2, _seen.Count);
            Assert.InRange(_seen[1].Tensors, 0, _seen[0].Tensors);
            Assert.InRange(_seen[1].Bytes - _seen[0].Bytes, long.MinValue, 10 * Megabyte);
        }
    }
}
