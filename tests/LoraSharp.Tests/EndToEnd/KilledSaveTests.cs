using LoraSharp.CrashHost;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using LoraSharp.Training.Checkpoints;

namespace LoraSharp.Tests.EndToEnd;

public sealed class KilledSaveTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_killed_save_leaves_the_old_folder_or_the_new_one(bool keepOthers)
    {
        const int Kills = 10;
        string target = _folder.At("target"), note = Path.Combine(target, "note.txt");
        if (keepOthers)
        {
            Directory.CreateDirectory(target);
            File.WriteAllText(note, "mine");
        }

        var random = new Random(11);
        int last = 0;
        for (int i = 0; i < Kills; i++)
        {
            int saved = KilledProcess.Run(TimeSpan.FromMilliseconds(random.NextDouble() * 60), "files", target, $"{last + 1}", $"{keepOthers}");
            int found = StepFolder.Read(target);

            // What was reported is there; at most the save that was under way came after it. A report may have been lost with the process.
            Assert.InRange(found, saved, int.MaxValue);
            Assert.True(found > last);
            Assert.Equal(keepOthers, File.Exists(note));
            last = found;
        }

        StepFolder.Write(target, last + 1, keepOthers);
        Assert.Equal([target], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_killed_training_run_goes_on_from_a_whole_checkpoint_as_if_nothing_had_happened()
    {
        const int Kills = 5;
        string model = GoldenFolder.ModelFolder("llama-tiny")!, output = _folder.At("killed");
        var random = new Random(12);
        var found = new List<(int Step, byte[] Adapter)>();
        for (int i = 0; i < Kills; i++)
        {
            int saved = KilledProcess.Run(TimeSpan.FromMilliseconds(random.NextDouble() * 100), "train", output, model);
            string checkpoint = TrainingCheckpoint.Resolve(output);
            (int step, byte[] adapter) = ReadWhole(checkpoint);
            Assert.Equal($"checkpoint-{step}", Path.GetFileName(checkpoint));
            Assert.InRange(step, saved, int.MaxValue);
            found.Add((step, adapter));
        }

        using var stop = new CancellationTokenSource();
        string whole = _folder.At("whole");
        var adapters = new Dictionary<int, byte[]>();
        Assert.Throws<OperationCanceledException>(() => TinyTraining.Run(model, whole, before =>
        {
            adapters[before] = ReadWhole(Path.Combine(whole, $"checkpoint-{before}")).Adapter;
            if (before == found[^1].Step)
            {
                stop.Cancel();
            }
        }, stop.Token));
        Assert.All(found, item => Assert.Equal(adapters[item.Step], item.Adapter));
    }

    // Between the renames that replace a folder, it is under no name of its own.
    [Fact]
    public void Folders_whose_save_ended_between_two_renames_are_found()
    {
        string source = GoldenFolder.ModelFolder("llama-tiny")!, adapter = _folder.At("adapter"), export = _folder.At("export"), output = _folder.At("run");
        using (CausalLM model = TinyTraining.Model(source))
        {
            new SftTrainer(model, null, [new([3, 4, 5], [3, 4, 5])], null, TinyTraining.Options(output, 1)).Train();
            model.SaveAdapter(adapter);
            model.MergeAndUnload().Save(export);
        }

        string checkpoint = Path.Combine(output, "checkpoint-1");
        foreach (string folder in (string[])[adapter, export, checkpoint])
        {
            Directory.Move(folder, folder + ".replace" + AtomicFile.TemporarySuffix);
        }

        using (CausalLM model = CausalLM.LoadAdapter(adapter))
        {
            Assert.Equal(["default"], model.AdapterNames());
        }

        using (CausalLM model = CausalLM.Load(export))
        {
            Assert.Empty(model.AdapterNames());
        }

        Assert.Equal(checkpoint, TrainingCheckpoint.Resolve(output));
        Directory.Move(checkpoint, checkpoint + ".replace" + AtomicFile.TemporarySuffix);
        Assert.Equal(checkpoint, TrainingCheckpoint.Resolve(checkpoint));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path, "*" + AtomicFile.TemporarySuffix, SearchOption.AllDirectories));
    }

    // Every file parses, and all are of one step.
    private static (int Step, byte[] Adapter) ReadWhole(string folder)
    {
        TrainerState state = TrainerState.Load(Path.Combine(folder, TrainerState.FileName));
        foreach (string path in Directory.EnumerateFiles(folder, "*.safetensors"))
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            foreach (TensorEntry step in file.Tensors.Where(t => t.Name.StartsWith("step.", StringComparison.Ordinal)))
            {
                Assert.Equal(state.GlobalStep, file.Load(step.Name).item<long>());
            }
        }

        Assert.Equal(
            ["README.md", "adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors", "rng_state.safetensors", "scheduler.json", "trainer_state.json"],
            Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Where(name => !name.StartsWith("token", StringComparison.Ordinal) && !name.EndsWith(".jinja", StringComparison.Ordinal) && !name.StartsWith("special", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        return (state.GlobalStep, File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors")));
    }
}
