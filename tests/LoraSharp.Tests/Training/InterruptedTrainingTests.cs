using System.Text;
using LoraSharp.CrashHost;
using LoraSharp.Data;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training;

/// <summary>Whatever ends a run, the checkpoints before it are whole, and a run that resumes from them ends as the uninterrupted one does.</summary>
public sealed class InterruptedTrainingTests : IDisposable
{
    private const int Steps = 6;
    private readonly TemporaryFolder _folder = new();

    private static string ModelFolder => GoldenFolder.ModelFolder("llama-tiny")!;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_cancelled_run_resumes()
    {
        byte[] expected = Uninterrupted();
        string output = _folder.At("run");
        using var stop = new CancellationTokenSource();
        using (CausalLM model = TinyTraining.Model(ModelFolder, dropout: 0.1))
        {
            SftOptions options = TinyTraining.Options(output, Steps) with { Progress = new Call(step => Cancel(step == 3)) };
            Assert.ThrowsAny<OperationCanceledException>(() => Trainer(model, options).Train(null, stop.Token));
            Assert.False(model.training);
            Assert.All(model.parameters(), p => Assert.Null(p.grad));
        }

        Assert.Equal(["checkpoint-1", "checkpoint-2", "checkpoint-3"], Entries(output));
        Assert.Equal(expected, Resume(output));

        void Cancel(bool now)
        {
            if (now)
            {
                stop.Cancel();
            }
        }
    }

    [Fact]
    public void A_token_that_is_cancelled_already_changes_nothing()
    {
        using CausalLM model = TinyTraining.Model(ModelFolder);
        byte[] before = AdapterBytes(model);
        var cancelled = new CancellationToken(canceled: true);
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(model, TinyTraining.Options(_folder.At("run"), Steps)).Train(null, cancelled));
        Assert.ThrowsAny<OperationCanceledException>(() => new SftTrainer(model, Tokenizer.Load(ModelFolder), TinyTraining.Rows(), TinyTraining.Options(_folder.At("run"), Steps), null, cancelled));
        Assert.Equal(before, AdapterBytes(model));
    }

    [Fact]
    public void A_full_disk_leaves_the_checkpoints_before_it()
    {
        byte[] expected = Uninterrupted();
        string output = _folder.At("run");
        using (CausalLM model = TinyTraining.Model(ModelFolder, dropout: 0.1))
        {
            Tokenizer tokenizer = Tokenizer.Load(ModelFolder);
            SftOptions options = TinyTraining.Options(output, Steps) with { SaveTotalLimit = 1 };
            IReadOnlyList<TokenizedRow> rows = RowPreparation.Prepare(TinyTraining.Rows(), new TokenizerRowEncoder(tokenizer), options.Preparation, null, default).RequireRows();
            var task = new SftTask(model, rows, [], options, tokenizer.PadId!.Value, tokenizer);
            var error = Assert.Throws<IOException>(() => new TrainingLoop(new FailingSaveTask(task, goodSaves: 2), options).Run(null, default));
            Assert.Equal("No space left on device", error.Message);
        }

        Assert.Equal(["checkpoint-2"], Entries(output));
        Assert.Equal(expected, Resume(output));
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_the_run()
    {
        byte[] expected = Uninterrupted();
        string output = _folder.At("run");
        TrainSteps(output, 2);
        Dictionary<string, byte[]> before = FilesBelow(output);

        // Rates of the saved schedule would win over the new one's, so this run starts from the saved adapter alone.
        using (CausalLM model = CausalLM.Load(ModelFolder))
        {
            model.LoadAdapter(Path.Combine(output, "checkpoint-2"), trainable: true);
            SftOptions options = TinyTraining.Options(output, Steps) with { LearningRate = 1e30, SaveSteps = 100 };
            var error = Assert.Throws<TrainingException>(() => Trainer(model, options).Train());
            Assert.Matches("^The (loss|gradients' norm) is .* at step 2; .* Lower LearningRate", error.Message);
        }

        Assert.Equal(before, FilesBelow(output));
        Assert.Equal(expected, Resume(output));
    }

    [Fact]
    public void Weights_that_are_not_finite_stop_the_run_at_once()
    {
        using CausalLM model = TinyTraining.Model(ModelFolder);
        Poison(model);
        var error = Assert.Throws<TrainingException>(() => Trainer(model, TinyTraining.Options(_folder.At("run"), Steps)).Train());
        Assert.Matches("^The loss is NaN at step 1; .* Checkpoints are intact", error.Message);
        Assert.Empty(Entries(_folder.At("run")));
    }

    [Fact]
    public void A_checkpoint_of_weights_that_are_not_finite_is_not_written()
    {
        byte[] expected = Uninterrupted();
        string output = _folder.At("run");
        using (CausalLM model = TinyTraining.Model(ModelFolder, dropout: 0.1))
        {
            SftTrainer trainer = Trainer(model, TinyTraining.Options(output, Steps) with { SaveTotalLimit = 1 });
            trainer.BeforeClipping = (step, _) =>
            {
                if (step == 3)
                {
                    Poison(model);
                }
            };
            Assert.Contains("not finite after step 4", Assert.Throws<TrainingException>(() => trainer.Train()).Message, StringComparison.Ordinal);
        }

        Assert.Equal(["checkpoint-3"], Entries(output));
        Assert.Equal(expected, Resume(output));
    }

    [Fact]
    public void An_evaluation_that_is_not_finite_is_logged_and_saved()
    {
        using CausalLM model = TinyTraining.Model(ModelFolder);
        SftOptions options = TinyTraining.Options(_folder.At("run"), 2) with { EvalStrategy = StepStrategy.Steps, EvalSteps = 1 };
        TokenizedRow good = new([3, 4, 5], [3, 4, 5]);
        var trainer = new SftTrainer(model, null, [good, good], [good], options);
        trainer.Train();
        string state = Path.Combine(_folder.At("run"), "checkpoint-2", "trainer_state.json");
        File.WriteAllText(state, File.ReadAllText(state).Replace("\"eval_loss\": ", "\"eval_loss\": null, \"was\": ", StringComparison.Ordinal));
        TrainerState parsed = TrainerState.Load(state);
        Assert.Contains(parsed.LogHistory, entry => entry.TryGetValue("eval_loss", out double loss) && double.IsNaN(loss));
        using var written = new MemoryStream();
        parsed.Write(written);
        Assert.Contains("\"eval_loss\": null", Encoding.UTF8.GetString(written.ToArray()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("optimizer.safetensors")]
    [InlineData("rng_state.safetensors")]
    [InlineData("scheduler.json")]
    [InlineData("trainer_state.json")]
    [InlineData("adapter_model.safetensors")]
    public void A_damaged_checkpoint_is_refused_before_the_model_changes(string file)
    {
        string output = _folder.At("run");
        TrainSteps(output, 2);
        string path = Path.Combine(output, "checkpoint-2", file);
        byte[] good = File.ReadAllBytes(path);
        using CausalLM model = TinyTraining.Model(ModelFolder);
        byte[] before = AdapterBytes(model);
        foreach (byte[] bad in (byte[][])[good[..^5], good[..(good.Length / 2)], [], [.. "{}"u8], [.. "null"u8]])
        {
            File.WriteAllBytes(path, bad);
            Exception error = Assert.ThrowsAny<Exception>(() => Trainer(model, TinyTraining.Options(output, Steps)).Train(Path.Combine(output, "checkpoint-2")));
            Assert.True(error is TrainingException or SafeTensorsException, $"{file} of {bad.Length} bytes: {error}");
            Assert.Contains("checkpoint-2", error.Message, StringComparison.Ordinal);
            Assert.Equal(before, AdapterBytes(model));
        }

        File.Delete(path);
        Exception missing = Assert.ThrowsAny<Exception>(() => Trainer(model, TinyTraining.Options(output, Steps)).Train(Path.Combine(output, "checkpoint-2")));
        Assert.Contains("checkpoint-2", missing.Message, StringComparison.Ordinal);
        Assert.Equal(before, AdapterBytes(model));
    }

    [Fact]
    public void A_checkpoint_of_another_run_is_refused_before_the_model_changes()
    {
        string output = _folder.At("run");
        TrainSteps(output, 1);
        using CausalLM model = CausalLM.Load(ModelFolder);
        model.AddLora(r: 8, targetModules: ["q_proj", "v_proj", "down_proj"]);
        byte[] before = AdapterBytes(model);
        var error = Assert.Throws<TrainingException>(() => Trainer(model, TinyTraining.Options(output, 2)).Train(output));
        Assert.Contains("does not fit this run", error.Message, StringComparison.Ordinal);
        Assert.Throws<TrainingException>(() => Trainer(model, TinyTraining.Options(output, 2) with { Optimizer = OptimizerType.Sgd }).Train(output));
        Assert.Throws<TrainingException>(() => Trainer(model, TinyTraining.Options(output, 2)).Train(_folder.At("nowhere")));
        Assert.Equal(before, AdapterBytes(model));
    }

    [Fact]
    public void A_new_run_replaces_the_checkpoints_of_an_old_one_whole()
    {
        string stale = _folder.At("run", "checkpoint-1", "model.safetensors");
        Directory.CreateDirectory(Path.GetDirectoryName(stale)!);
        File.WriteAllText(stale, "of another kind of run");
        TrainSteps(_folder.At("run"), 1);
        Assert.False(File.Exists(stale));
        Assert.True(File.Exists(_folder.At("run", "checkpoint-1", "adapter_model.safetensors")));
    }

    private static SftTrainer Trainer(CausalLM model, SftOptions options) => new(model, Tokenizer.Load(ModelFolder), TinyTraining.Rows(), options);

    private static void TrainSteps(string output, int steps)
    {
        using CausalLM model = TinyTraining.Model(ModelFolder, dropout: 0.1);
        Trainer(model, TinyTraining.Options(output, steps)).Train();
    }

    private static void Poison(CausalLM model)
    {
        using var noGrad = no_grad();
        model.parameters().First(p => p.requires_grad).fill_(float.NaN);
    }

    private static string[] Entries(string folder) => [.. Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private static Dictionary<string, byte[]> FilesBelow(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToDictionary(path => path, File.ReadAllBytes);

    private byte[] Uninterrupted()
    {
        TrainSteps(_folder.At("whole"), Steps);
        return File.ReadAllBytes(_folder.At("whole", $"checkpoint-{Steps}", "adapter_model.safetensors"));
    }

    private static byte[] Resume(string output)
    {
        using CausalLM model = TinyTraining.Model(ModelFolder, dropout: 0.1);
        TrainingResult result = Trainer(model, TinyTraining.Options(output, Steps)).Train(output);
        Assert.Equal(Steps, result.GlobalStep);
        return File.ReadAllBytes(Path.Combine(output, $"checkpoint-{Steps}", "adapter_model.safetensors"));
    }

    private byte[] AdapterBytes(CausalLM model)
    {
        model.SaveAdapter(_folder.At("adapter"));
        return File.ReadAllBytes(_folder.At("adapter", "adapter_model.safetensors"));
    }

    private sealed class Call(Action<int> call) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => call(value.Step);
    }
}
