using LoraSharp.CrashHost;
using LoraSharp.Training;

namespace LoraSharp.Tests.Training;

public class BestModelTests
{
    // The loss falls, so with the greater one taken for better the first evaluation is the best.
    private static SftOptions FirstIsBest(TinyRun run) => run.Options with
    {
        MaxSteps = 4,
        SaveStrategy = StepStrategy.Steps,
        SaveSteps = 1,
        EvalStrategy = StepStrategy.Steps,
        EvalSteps = 1,
        GreaterIsBetter = true,
        LoadBestModelAtEnd = true,
    };

    [Theory]
    [InlineData(1, new[] { "checkpoint-1", "checkpoint-4" })]
    [InlineData(2, new[] { "checkpoint-1", "checkpoint-4" })]
    [InlineData(3, new[] { "checkpoint-1", "checkpoint-3", "checkpoint-4" })]
    public void The_best_checkpoint_stays_and_is_loaded_at_the_end(int limit, string[] left)
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { SaveTotalLimit = limit };
        TrainingResult result = run.Train(eval: TinyTraining.Rows(4));
        Assert.Equal(left, run.Checkpoints());
        string best = Path.Combine(run.Output, "checkpoint-1");
        Assert.Equal(best, result.BestModelCheckpoint);
        Assert.Equal(result.LogHistory.Where(entry => entry.ContainsKey("eval_loss")).Max(entry => entry["eval_loss"]), result.BestMetric);
        Assert.Equal(File.ReadAllBytes(Path.Combine(best, "adapter_model.safetensors")), run.Adapter());

        TrainerState state = TrainerState.Load(Path.Combine(run.Output, "checkpoint-4", TrainerState.FileName));
        Assert.Equal((result.BestMetric, 1, best), (state.BestMetric, state.BestGlobalStep, state.BestModelCheckpoint));
    }

    [Fact]
    public void A_lower_loss_is_better_by_default()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { GreaterIsBetter = null, MetricForBestModel = "loss" };
        TrainingResult result = run.Train(eval: TinyTraining.Rows(4));
        Assert.Equal(result.LogHistory.Where(entry => entry.ContainsKey("eval_loss")).Min(entry => entry["eval_loss"]), result.BestMetric);
        Assert.Equal("checkpoint-4", Path.GetFileName(result.BestModelCheckpoint));
    }

    [Fact]
    public void Best_saves_only_what_is_better_than_all_before()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { SaveStrategy = StepStrategy.Best };
        Assert.Equal("checkpoint-1", Path.GetFileName(run.Train(eval: TinyTraining.Rows(4)).BestModelCheckpoint));
        Assert.Equal(["checkpoint-1"], run.Checkpoints());
        run.Options = run.Options with { GreaterIsBetter = false, OutputDirectory = run.Output + "2" };
        run.Train(eval: TinyTraining.Rows(4));
        Assert.Equal(4, run.Checkpoints().Length);
    }

    [Fact]
    public void The_best_checkpoint_is_found_after_resuming_in_a_moved_folder()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { MaxSteps = 2 };
        run.Train(eval: TinyTraining.Rows(4));
        Directory.Move(run.Output, run.Output + "-moved");
        run.Options = run.Options with { MaxSteps = 4, OutputDirectory = run.Output + "-moved", SaveTotalLimit = 1 };
        Assert.Equal(Path.Combine(run.Output, "checkpoint-1"), Path.GetFullPath(run.Train(run.Output, TinyTraining.Rows(4)).BestModelCheckpoint!));
        Assert.Equal(["checkpoint-1", "checkpoint-4"], run.Checkpoints());
    }

    [Fact]
    public void Early_stopping_counts_evaluations_in_a_row()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { MaxSteps = 50, LoadBestModelAtEnd = false, Callbacks = [new EarlyStoppingCallback(patience: 2)] };
        SftTrainer trainer = run.Trainer(TinyTraining.Rows(4));
        Assert.Equal(3, trainer.Train().GlobalStep);

        // A trainer that trains anew counts anew.
        Assert.Equal(1, trainer.State.BestGlobalStep);
        Assert.InRange(trainer.Train().GlobalStep, 3, 50);
    }

    [Fact]
    public void Early_stopping_resumes_with_its_count()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { MaxSteps = 3, LoadBestModelAtEnd = false, Callbacks = [new EarlyStoppingCallback(patience: 4)] };
        run.Train(eval: TinyTraining.Rows(4));
        run.Options = run.Options with { MaxSteps = 50, Callbacks = [new EarlyStoppingCallback(patience: 4)] };
        Assert.Equal(5, run.Train(run.Output, TinyTraining.Rows(4)).GlobalStep);
    }

    [Fact]
    public void Early_stopping_ignores_changes_up_to_the_threshold()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { MaxSteps = 50, GreaterIsBetter = null, LoadBestModelAtEnd = false, Callbacks = [new EarlyStoppingCallback(1, threshold: 100)] };
        Assert.Equal(2, run.Train(eval: TinyTraining.Rows(4)).GlobalStep);
        Assert.Throws<ArgumentOutOfRangeException>(() => new EarlyStoppingCallback(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EarlyStoppingCallback(1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EarlyStoppingCallback(1, double.NaN));
    }

    [Fact]
    public void Early_stopping_without_evaluations_is_refused()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { Callbacks = [new EarlyStoppingCallback()] };
        Assert.Contains("EvalStrategy is No", Assert.Throws<TrainingException>(() => run.Train()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_metric_that_is_not_measured_is_named()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { MetricForBestModel = "bleu" };
        string message = Assert.Throws<TrainingException>(() => run.Train(eval: TinyTraining.Rows(4))).Message;
        Assert.Contains("'eval_bleu'", message, StringComparison.Ordinal);
        Assert.Contains("eval_loss", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoints_of_an_earlier_run_go_before_those_of_this_one()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { MaxSteps = 3, SaveStrategy = StepStrategy.Steps, SaveSteps = 3 };
        run.Train();
        run.Options = run.Options with { MaxSteps = 2, SaveSteps = 1, SaveTotalLimit = 2 };
        run.Train();
        Assert.Equal(["checkpoint-1", "checkpoint-2"], run.Checkpoints());
    }

    [Fact]
    public void Checkpoints_without_the_optimizer_cannot_be_resumed_from()
    {
        using var run = new TinyRun();
        run.Options = FirstIsBest(run) with { SaveOnlyModel = true };
        run.Train(eval: TinyTraining.Rows(4));
        string checkpoint = Path.Combine(run.Output, "checkpoint-1");
        Assert.DoesNotContain(Directory.EnumerateFiles(checkpoint), file => Path.GetFileName(file) is "optimizer.safetensors" or "scheduler.json" or "rng_state.safetensors");
        Assert.Equal(File.ReadAllBytes(Path.Combine(checkpoint, "adapter_model.safetensors")), run.Adapter());
        Assert.Contains("SaveOnlyModel", Assert.Throws<TrainingException>(() => run.Train(checkpoint, TinyTraining.Rows(4))).Message, StringComparison.Ordinal);
    }
}
