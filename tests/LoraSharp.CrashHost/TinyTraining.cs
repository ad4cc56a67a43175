using System.Globalization;
using LoraSharp.Files;
using LoraSharp.Training;
using TorchSharp;

namespace LoraSharp.CrashHost;

/// <summary>A training run of a tiny model that is the same wherever it runs, and wherever it is interrupted.</summary>
public static class TinyTraining
{
    public const int Steps = 100_000;

    /// <summary>Rows with a prompt and a completion.</summary>
    public static Dataset Rows(int count = 20) =>
        Dataset.FromRows(Enumerable.Range(0, count).Select(i => new { prompt = $"How many are {i} and one?", completion = $" They are {i + 1}." }));

    /// <summary>A model with a new LoRA adapter, always the same.</summary>
    public static CausalLM Model(string modelFolder, LoadOptions? options = null, double dropout = 0)
    {
        CausalLM model = CausalLM.Load(modelFolder, options);
        torch.manual_seed(7);
        model.AddLora(r: 4, alpha: 8, dropout: dropout, targetModules: ["q_proj", "v_proj", "down_proj"]);
        return model;
    }

    /// <summary>Options of a short run.</summary>
    public static SftOptions Options(string output, int steps, int saveSteps = 1) => new()
    {
        OutputDirectory = output,
        MaxSteps = steps,
        BatchSize = 2,
        LearningRate = 5e-3,
        Scheduler = SchedulerType.Constant,
        SaveSteps = saveSteps,
    };

    /// <summary>Trains from the latest checkpoint of the output folder, or from the start, and saves as it goes.</summary>
    public static void Run(string modelFolder, string output, Action<int> report, CancellationToken cancellationToken, int saveSteps = 1, int steps = Steps)
    {
        using CausalLM model = Model(modelFolder, dropout: 0.1);
        bool resumes = Directory.Exists(output) && Directory.EnumerateDirectories(output, "checkpoint-*").Any(folder => !folder.EndsWith(AtomicFile.TemporarySuffix, StringComparison.Ordinal));
        SftOptions options = Options(output, steps, saveSteps) with { SaveTotalLimit = 2, Progress = new AfterStep(report) };
        new SftTrainer(model, Tokenizer.Load(modelFolder), Rows(), options).Train(resumes ? output : null, cancellationToken);
    }

    /// <summary>Trains with all that a run does besides, and writes the step and the resident bytes to the output every so many steps.</summary>
    public static void Measure(string modelFolder, string output, int steps, int every)
    {
        using CausalLM model = Model(modelFolder, dropout: 0.1);
        SftOptions options = Options(output, steps, saveSteps: every) with
        {
            SaveTotalLimit = 1,
            TensorBoard = true,
            EvalStrategy = StepStrategy.Steps,
            EvalSteps = every,
            Callbacks = [new MemoryCallback(every)],
        };
        new SftTrainer(model, Tokenizer.Load(modelFolder), Rows(), options, Rows(4)).Train();
    }

    private sealed class MemoryCallback(int every) : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context)
        {
            if (context.State.GlobalStep % every == 0)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                GC.Collect();
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{context.State.GlobalStep} {Environment.WorkingSet} {GC.GetTotalMemory(true)}"));
                Console.Out.Flush();
            }
        }
    }

    /// <summary>
    /// Unlike <see cref="Progress{T}"/>, calls at once and on the training thread. Progress comes before the checkpoint of its step, so it shows that the step before is saved.
    /// </summary>
    private sealed class AfterStep(Action<int> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Step > 1)
            {
                report(value.Step - 1);
            }
        }
    }
}
