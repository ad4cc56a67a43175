using LoraSharp.Evaluation;
using LoraSharp.Plotting;
using LoraSharp.Tests.Golden;
using LoraSharp.Tests.Models;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Docs;

/// <summary>The code of README.md: every snippet there is a region here, is compiled with the tests, and runs on a tiny model.</summary>
public class ReadmeSnippets : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _before = Directory.GetCurrentDirectory();

    public ReadmeSnippets()
    {
        string source = GoldenFolder.ModelFolder("llama-tiny") ?? "";
        Assert.SkipWhen(source.Length == 0, "The tiny model is not among the golden models.");
        string model = _folder.At("my-llama");
        Directory.CreateDirectory(model);
        foreach (string file in Directory.EnumerateFiles(source))
        {
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        }

        File.WriteAllLines(_folder.At("patient-doctor.jsonl"), Enumerable.Range(0, 8).Select(i => $$"""{"patient": "I have had a cough for {{i}} days.", "doctor": "Drink water and rest."}"""));
        Directory.SetCurrentDirectory(_folder.Path);
    }

    public void Dispose()
    {
        Directory.SetCurrentDirectory(_before);
        _folder.Dispose();
    }

    [Fact]
    public void Quick_start()
    {
        #region quick-start
        using var model = CausalLM.Load("my-llama", new LoadOptions
        {
            Quantization = QuantizationConfig.Nf4(doubleQuant: true, computeType: ScalarType.Float32),
        });
        var tokenizer = Tokenizer.Load("my-llama");

        model.AddLora(r: 8, alpha: 16, targetModules: ["q_proj", "v_proj"]);
        Console.WriteLine(model.TrainableParameters());

        var data = Dataset.Load("patient-doctor.jsonl")
            .Shuffle(seed: 1234)
            .Map(row => new { prompt = $"Patient: {row["patient"]}\nDoctor:", completion = $" {row["doctor"]}" });
        var trainer = new SftTrainer(model, tokenizer, data, new SftOptions
        {
            OutputDirectory = "results",
            MaxSteps = 2,
            BatchSize = 4,
            LearningRate = 2e-4,
        });
        trainer.Train();
        trainer.SaveModel("results/adapter");
        #endregion
        Assert.True(File.Exists("results/adapter/adapter_model.safetensors"));

        #region merge
        using var adapted = CausalLM.LoadAdapter("results/adapter", baseFolder: "my-llama");
        adapted.MergeAndUnload().Save("export", maxShardSize: "4GB");
        tokenizer.Save("export");
        #endregion
        using CausalLM merged = CausalLM.Load("export");
        Assert.Empty(merged.AdapterNames());
    }

    [Fact]
    public async Task Generation()
    {
        #region generate
        using var model = CausalLM.Load("my-llama");
        var tokenizer = Tokenizer.Load("my-llama");
        string answer = model.Generate(tokenizer, "Patient: I have a cough.\nDoctor:", new GenerationOptions { MaxNewTokens = 40 });

        await foreach (string piece in model.GenerateStreaming(tokenizer, "Patient: I have a cough.\nDoctor:"))
        {
            Console.Write(piece);
        }

        #endregion
        Assert.NotNull(answer);
    }

    [Fact]
    public void Steering()
    {
        using var model = CausalLM.Load("my-llama");
        var tokenizer = Tokenizer.Load("my-llama");
        model.AddLora();
        var data = Dataset.Load("patient-doctor.jsonl").Map(row => new { text = row["patient"] });
        var heldOut = data.Take(2);

        #region best-model
        var trainer = new SftTrainer(model, tokenizer, data, new SftOptions
        {
            OutputDirectory = "results",
            Epochs = 3,
            EvalStrategy = StepStrategy.Epoch,
            SaveStrategy = StepStrategy.Epoch,
            SaveTotalLimit = 2,                     // the best checkpoint always stays
            LoadBestModelAtEnd = true,
            Precision = MixedPrecision.BFloat16,    // products in bf16 over fp32 adapters
            Callbacks = [new EarlyStoppingCallback(patience: 2), new LossPrinter(), new PlotCallback()],
        }, evalData: heldOut);
        TrainingResult result = trainer.Train();
        Console.WriteLine($"best: {result.BestMetric} in {result.BestModelCheckpoint}");
        #endregion
        Assert.True(File.Exists("results/training.png"));
        Assert.NotNull(result.BestModelCheckpoint);
    }

    #region callback
    sealed class LossPrinter : TrainerCallback
    {
        public override void OnLog(TrainerContext context, IReadOnlyDictionary<string, double> logs)
        {
            if (logs.TryGetValue("loss", out double loss))
            {
                Console.WriteLine($"step {context.State.GlobalStep}: {loss:F3}");
            }

            // Control also holds ShouldSave, ShouldEvaluate, ShouldLog and ShouldEpochStop.
            context.Control.ShouldTrainingStop |= loss is > 0 and < 0.05;
        }
    }
    #endregion

    [Fact]
    public void Own_networks()
    {
        #region own-network
        using var network = nn.Sequential(("in", nn.Linear(16, 32)), ("act", nn.ReLU()), ("out", nn.Linear(32, 4)));
        network.AddLora(r: 4, alpha: 8, targetModules: ["in", "out"]);
        using var y = network.call(randn(2, 16));
        network.MergeAndUnload();
        #endregion
        Assert.Equal([2, 4], y.shape);
    }

    [Fact]
    public void Resuming()
    {
        using var model = CausalLM.Load("my-llama");
        var tokenizer = Tokenizer.Load("my-llama");
        model.AddLora();
        var data = Dataset.Load("patient-doctor.jsonl").Map(row => new { text = row["patient"] });
        var options = new SftOptions { OutputDirectory = "results", MaxSteps = 2, SaveSteps = 1 };
        new SftTrainer(model, tokenizer, data, options).Train();

        #region resume
        var trainer = new SftTrainer(model, tokenizer, data, options with { MaxSteps = 3 });
        trainer.Train(resumeFrom: "results"); // the latest checkpoint in there; same numbers as an uninterrupted run
        #endregion
        Assert.True(Directory.Exists("results/checkpoint-3"));
    }

    [Fact]
    public async Task Data()
    {
        await Parquet.Serialization.ParquetSerializer.SerializeAsync(
            Enumerable.Range(0, 20).Select(i => new Conversation { messages = [new() { role = "user", content = $"Cough {i}" }, new() { role = "assistant", content = "Rest." }] }), "chats.parquet");
        File.WriteAllText("larger-than-memory.jsonl", string.Concat(Enumerable.Range(0, 40).Select(i => $"{{\"text\": \"Line {i}\"}}\n")));

        #region data
        Dataset chats = Dataset.Load("chats.parquet", columns: ["messages"]);
        (Dataset train, Dataset test) = chats.Shuffle(seed: 42).Split(testSize: 0.1);

        Dataset lines = Dataset.Open("larger-than-memory.jsonl"); // rows are read when they are asked for
        Dataset sample = lines.Filter(row => row["text"].Length > 5).Shuffle(seed: 1).Take(10);
        #endregion
        Assert.Equal((18, 2, 10), (train.Count, test.Count, sample.Count));
    }

    [Fact]
    public void Embeddings()
    {
        SmallBert.Write(Directory.CreateDirectory("all-MiniLM-L6-v2").FullName);

        #region embeddings
        using var embedder = TextEmbedder.Load("all-MiniLM-L6-v2");
        using var vectors = embedder.Embed(["How long does a cold last?", "A cold is over after a week.", "The train leaves at noon."]);
        using var similarity = TextEmbedder.CosineSimilarity(vectors); // (3, 3)

        PairScore score = new BertScore(embedder).Score(["Take one pill after breakfast."], ["Take the tablet after your breakfast."])[0];
        Console.WriteLine(score.F1);
        #endregion
        Assert.Equal([3, 3], similarity.shape);
        Assert.InRange(score.F1, 0, 1.001);
    }

#pragma warning disable IDE1006 // the columns' names
    public sealed class Conversation
    {
        public List<Message>? messages { get; set; }
    }

    public sealed class Message
    {
        public string? role { get; set; }

        public string? content { get; set; }
    }
}
