using LoraSharp.CrashHost;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.EndToEnd;

/// <summary>The whole job on a tiny model: load quantised, train an adapter, save, reload, merge, export.</summary>
public sealed class LectureTests : IDisposable
{
    private const string Prompt = "How many are 3 and one?";
    private static readonly GenerationOptions Greedy = new() { MaxNewTokens = 12 };
    private readonly TemporaryFolder _folder = new();

    private static string ModelFolder => GoldenFolder.ModelFolder("llama-tiny")!;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_quantised_model_is_trained_resumed_merged_and_exported()
    {
        Tokenizer tokenizer = Tokenizer.Load(ModelFolder);
        string before, trained;
        using (CausalLM model = Quantised())
        {
            before = model.Generate(tokenizer, Prompt, Greedy);
            var trainer = new SftTrainer(model, tokenizer, TinyTraining.Rows(), Options("run"));
            TrainingResult result = trainer.Train();
            Assert.Equal(20, result.GlobalStep);
            double[] losses = [.. result.LogHistory.Where(e => e.ContainsKey("loss")).Select(e => e["loss"])];
            Assert.InRange(losses[^1], 0, 0.7 * losses[0]);
            trainer.SaveModel(_folder.At("adapter"));
            trained = model.Generate(tokenizer, Prompt, Greedy);
            Assert.NotEqual(before, trained);
        }

        // From the middle on, the same bytes.
        using (CausalLM model = Quantised())
        {
            var trainer = new SftTrainer(model, tokenizer, TinyTraining.Rows(), Options("resumed"));
            Assert.Equal(20, trainer.Train(_folder.At("run", "checkpoint-10")).GlobalStep);
            trainer.SaveModel(_folder.At("resumed-adapter"));
        }

        Assert.Equal(File.ReadAllBytes(_folder.At("adapter", "adapter_model.safetensors")), File.ReadAllBytes(_folder.At("resumed-adapter", "adapter_model.safetensors")));

        // Base and adapter in the full type, merged, exported, and loaded again.
        string adapted;
        using (CausalLM model = CausalLM.LoadAdapter(_folder.At("adapter"), new LoadOptions { Dtype = ScalarType.Float32 }))
        using (Tensor ids = tensor(new long[] { 5, 9, 20, 33 }, [1, 4]))
        {
            using Tensor unmerged = Logits(model, ids);
            adapted = model.Generate(tokenizer, Prompt, Greedy);
            model.MergeAndUnload().Save(_folder.At("export"), maxShardSize: "100KB");
            tokenizer.Save(_folder.At("export"));
            using CausalLM export = CausalLM.Load(_folder.At("export"));
            using Tensor merged = Logits(export, ids);
            GoldenTensors.AssertClose("logits", unmerged, merged, 1e-4, 1e-4);
            Assert.Equal(adapted, export.Generate(Tokenizer.Load(_folder.At("export")), Prompt, Greedy));
        }

        Assert.True(Directory.GetFiles(_folder.At("export"), "model-*.safetensors").Length > 1);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path, "*" + AtomicFile.TemporarySuffix, SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.1)]
    public void Gradient_checkpointing_trains_the_same(double dropout)
    {
        byte[][] adapters = [.. new (bool On, int? Layers)[] { (false, null), (true, null), (true, 1) }.Select(checkpointing =>
        {
            using CausalLM model = TinyTraining.Model(ModelFolder, dropout: dropout);
            var trainer = new SftTrainer(model, Tokenizer.Load(ModelFolder), TinyTraining.Rows(), TinyTraining.Options(_folder.At("run"), 4, saveSteps: 100) with { GradientCheckpointing = checkpointing.On, CheckpointedLayers = checkpointing.Layers });
            trainer.Train();
            string folder = _folder.At($"adapter-{checkpointing.On}-{checkpointing.Layers}");
            trainer.SaveModel(folder);
            return File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors"));
        })];
        Assert.Equal(adapters[0], adapters[1]);
        Assert.Equal(adapters[0], adapters[2]);
    }

    private static CausalLM Quantised() =>
        TinyTraining.Model(ModelFolder, new LoadOptions { Dtype = ScalarType.Float32, Quantization = QuantizationConfig.Nf4(doubleQuant: true, computeType: ScalarType.Float32) }, dropout: 0.05);

    private SftOptions Options(string folder) => TinyTraining.Options(_folder.At(folder), 20, saveSteps: 10) with { LoggingSteps = 5, BatchSize = 4 };

    private static Tensor Logits(CausalLM model, Tensor ids)
    {
        using var noGrad = no_grad();
        return model.Logits(ids);
    }
}
