using LoraSharp.CrashHost;
using LoraSharp.Training;

namespace LoraSharp.Tests.Training;

public class EvaluationTests
{
    [Fact]
    public void Steps_at_which_is_logged_and_evaluated_follow_the_options()
    {
        using var run = new TinyRun();
        run.Options = run.Options with
        {
            MaxSteps = 13,
            LoggingSteps = 5,
            LoggingFirstStep = true,
            EvalStrategy = StepStrategy.Steps,
            EvalSteps = 2,
            EvalDelay = 5,
            EvalOnStart = true,
        };
        TrainingResult result = run.Train(eval: TinyTraining.Rows(2));
        Assert.Equal([1, 5, 10], Steps(result, "loss"));
        Assert.Equal([0, 6, 8, 10, 12, 13], Steps(result, "eval_loss"));
        Assert.Equal([13], Steps(result, "train_loss"));

        run.Options = run.Options with { MaxSteps = 25, LoggingFirstStep = false, LoggingStrategy = StepStrategy.Epoch, EvalStrategy = StepStrategy.Epoch, EvalDelay = 2, EvalOnStart = false };
        result = run.Train(eval: TinyTraining.Rows(2));
        Assert.Equal([10, 20, 25], Steps(result, "loss"));
        Assert.Equal([20, 25], Steps(result, "eval_loss"));

        run.Options = run.Options with { MaxSteps = 3, LoggingStrategy = StepStrategy.No, EvalStrategy = StepStrategy.No };
        Assert.Equal(["train_loss"], run.Train().LogHistory.Select(entry => entry.Keys.Single(key => key.EndsWith("loss", StringComparison.Ordinal))));
    }

    [Fact]
    public void Several_sets_are_measured_under_their_names()
    {
        using var run = new TinyRun();
        var sets = new Dictionary<string, Dataset> { ["easy"] = TinyTraining.Rows(2), ["hard"] = TinyTraining.Rows(5) };
        run.Options = run.Options with { MaxSteps = 2, EvalStrategy = StepStrategy.Steps, EvalSteps = 2, MetricForBestModel = "hard_loss" };
        var trainer = new SftTrainer(run.Model, Tokenizer.Load(run.ModelFolder), TinyTraining.Rows(), run.Options, sets);
        TrainingResult result = trainer.Train();
        Assert.Single(Steps(result, "eval_easy_loss"));
        Assert.Single(Steps(result, "eval_hard_loss"));
        IReadOnlyDictionary<string, double> again = trainer.Evaluate();
        Assert.Equal(result.BestMetric!.Value, again["eval_hard_loss"], 6);
        Assert.NotEqual(again["eval_easy_loss"], again["eval_hard_loss"]);
        using var alone = new TinyRun();
        Assert.Equal(
            new SftTrainer(alone.Model, Tokenizer.Load(run.ModelFolder), TinyTraining.Rows(), alone.Options, sets).Evaluate()["eval_hard_loss"],
            alone.Trainer(TinyTraining.Rows(5)).Evaluate()["eval_loss"], 6);
    }

    [Fact]
    public void Predictions_agree_with_the_loss()
    {
        using var run = new TinyRun();
        var callback = new RecordingCallback();
        run.Options = run.Options with { Callbacks = [callback], EvalBatchSize = 1 };
        SftTrainer trainer = run.Trainer(TinyTraining.Rows(5));
        PredictionResult result = trainer.Predict(TinyTraining.Rows(5));
        Assert.Equal(5, result.Rows.Count);
        Assert.Equal(trainer.Evaluate()["eval_loss"], result.Metrics["test_loss"], 6);
        Assert.Equal(result.Metrics["test_loss"], result.Rows.Average(row => -row.LogProbabilities.Average()), 5);
        Assert.Equal(
            result.Metrics["test_mean_token_accuracy"], result.Rows.Average(row => row.Labels.Zip(row.Predicted).Average(pair => pair.First == pair.Second ? 1.0 : 0)), 5);
        Assert.Contains("OnPredict", callback.Events);

        // In one batch, with padding, the predictions are the same.
        run.Options = run.Options with { EvalBatchSize = 8, PaddingFree = true, MaxLength = null };
        PredictionResult together = run.Trainer().Predict(TinyTraining.Rows(5), "held_out");
        Assert.True(together.Metrics.ContainsKey("held_out_loss"));
        foreach (var (one, other) in result.Rows.Zip(together.Rows))
        {
            Assert.Equal(one.Labels, other.Labels);
            Assert.Equal(one.Predicted, other.Predicted);
            Assert.All(one.LogProbabilities.Zip(other.LogProbabilities), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        }
    }

    [Fact]
    public void Schedules_that_a_metric_drives_move()
    {
        using var run = new TinyRun();
        run.Options = run.Options with
        {
            MaxSteps = 4,
            Scheduler = SchedulerType.ReduceLrOnPlateau,
            SchedulerOptions = new SchedulerOptions { Patience = 0, Mode = MetricMode.Max },
            EvalStrategy = StepStrategy.Steps,
            EvalSteps = 1,
        };
        TrainingResult result = run.Train(eval: TinyTraining.Rows(2));
        double[] rates = [.. result.LogHistory.Where(entry => entry.ContainsKey("learning_rate")).Select(entry => entry["learning_rate"])];

        // The loss falls, so taken for a metric to be raised it fails from the second evaluation on.
        Assert.Equal([5e-3, 5e-3, 5e-4, 5e-5], rates.Select(rate => Math.Round(rate, 10)));
    }

    [Fact]
    public void The_state_of_a_finished_run_lies_in_its_folder()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { TensorBoard = true, SaveStrategy = StepStrategy.Steps, SaveSteps = 2 };
        TrainingResult result = run.Train();
        TrainerState state = TrainerState.Load(Path.Combine(run.Output, TrainerState.FileName));
        Assert.Equal(result.LogHistory.Count, state.LogHistory.Count);
        Assert.Equal(["entropy", "epoch", "grad_norm", "learning_rate", "loss", "mean_token_accuracy", "num_tokens", "step"], state.LogHistory[0].Keys.Order(StringComparer.Ordinal));
        Assert.Equal(
            ["epoch", "step", "train_loss", "train_runtime", "train_samples_per_second", "train_steps_per_second"], state.LogHistory[^1].Keys.Order(StringComparer.Ordinal));
        Assert.NotEmpty(Directory.EnumerateFiles(Path.Combine(run.Output, "runs")));

        // The output directory still means its latest checkpoint.
        run.Options = run.Options with { MaxSteps = 5 };
        Assert.Equal(5, run.Train(run.Output).GlobalStep);
    }

    private static double[] Steps(TrainingResult result, string key) => [.. result.LogHistory.Where(entry => entry.ContainsKey(key)).Select(entry => entry["step"])];
}
