using System.Text.Json.Nodes;
using LoraSharp.CrashHost;
using LoraSharp.Training;

namespace LoraSharp.Tests.Training;

public class CallbackTests
{
    [Fact]
    public void Events_come_in_the_order_of_the_reference()
    {
        using var run = new TinyRun();
        var callback = new RecordingCallback();
        run.Options = run.Options with
        {
            // Three batches an epoch, so windows of two and one.
            BatchSize = 8,
            GradientAccumulationSteps = 2,
            MaxSteps = 3,
            EvalBatchSize = 4,
            Callbacks = [callback],
            SaveStrategy = StepStrategy.Steps,
            SaveSteps = 2,
            LoggingSteps = 2,
            EvalStrategy = StepStrategy.Steps,
            EvalSteps = 2,
            EvalOnStart = true,
        };
        SftTrainer trainer = run.Trainer(TinyTraining.Rows(8));
        Assert.Equal(["OnInitEnd"], callback.Events);
        trainer.Train();
        string[] evaluation = ["OnPredictionStep", "OnPredictionStep", "OnLog", "OnEvaluate"];
        string[] update = ["OnPreOptimizerStep", "OnOptimizerStep", "OnStepEnd"];
        string[] expected =
        [
            "OnInitEnd", "OnTrainBegin", .. evaluation,
            "OnEpochBegin",
            "OnStepBegin", "OnSubstepEnd", .. update,
            "OnStepBegin", .. update, "OnLog", .. evaluation, "OnSave",
            "OnEpochEnd",
            "OnEpochBegin",
            "OnStepBegin", "OnSubstepEnd", .. update, .. evaluation, "OnSave",
            "OnEpochEnd",
            "OnLog", "OnTrainEnd",
        ];
        Assert.Equal(expected, callback.Events);
    }

    [Fact]
    public void Flags_are_obeyed_and_set_back()
    {
        using var run = new TinyRun();
        var callback = new RecordingCallback((name, context) =>
        {
            TrainerControl control = context.Control;
            if (name == "OnStepBegin")
            {
                Assert.False(control.ShouldLog || control.ShouldSave || control.ShouldEvaluate || control.ShouldTrainingStop || control.ShouldEpochStop);
            }

            if (name == "OnStepEnd" && context.State.GlobalStep == 2)
            {
                control.ShouldLog = control.ShouldSave = control.ShouldEvaluate = true;
            }

            control.ShouldEpochStop |= name == "OnStepEnd" && context.State.GlobalStep == 3;
            control.ShouldTrainingStop |= name == "OnStepEnd" && context.State.GlobalStep == 5;
        });
        run.Options = run.Options with { MaxSteps = 100, LoggingStrategy = StepStrategy.No, Callbacks = [callback] };
        TrainingResult result = run.Train(eval: TinyTraining.Rows(2));
        Assert.Equal(5, result.GlobalStep);
        Assert.Equal(["checkpoint-2"], run.Checkpoints());
        Assert.Single(result.LogHistory, entry => entry.ContainsKey("loss") && entry["step"] == 2);
        Assert.Single(result.LogHistory, entry => entry.ContainsKey("eval_loss") && entry["step"] == 2);
        Assert.Equal(3, result.LogHistory.Count);

        // The first epoch ended after 3 of its 10 batches.
        Assert.Equal(1.2, result.LogHistory[^1]["epoch"], 12);
        Assert.Equal(2, callback.Events.Count(name => name == "OnEpochEnd"));
    }

    [Fact]
    public void Epochs_that_callbacks_end_are_not_gone_on_with_after_resuming()
    {
        byte[] expected = Train(resumed: false);
        Assert.Equal(expected, Train(resumed: true));

        static byte[] Train(bool resumed)
        {
            using var run = new TinyRun();
            run.Options = run.Options with
            {
                MaxSteps = 28,
                SaveStrategy = StepStrategy.Steps,
                SaveSteps = 3,
                Callbacks = [new RecordingCallback((name, context) => context.Control.ShouldEpochStop |= name == "OnStepEnd" && context.State.GlobalStep % 3 == 0)],
            };
            run.Train();
            return resumed ? Resumed(run) : run.Adapter();
        }

        static byte[] Resumed(TinyRun first)
        {
            using var run = new TinyRun();
            run.Options = first.Options;
            TrainingResult result = run.Train(Path.Combine(first.Output, "checkpoint-3"));

            // Three epochs of three steps: 28 steps are three epochs of ten batches.
            Assert.Equal(9, result.GlobalStep);
            return run.Adapter();
        }
    }

    [Fact]
    public void All_epochs_cut_short_end_the_run_when_the_epochs_are_over()
    {
        using var run = new TinyRun();
        run.Options = run.Options with { MaxSteps = -1, Epochs = 3, Callbacks = [new RecordingCallback((name, context) => context.Control.ShouldEpochStop |= name == "OnStepEnd")] };
        Assert.Equal(3, run.Train().GlobalStep);
    }

    [Theory]
    [InlineData("OnStepBegin")]
    [InlineData("OnLog")]
    [InlineData("OnSave")]
    [InlineData("OnOptimizerStep")]
    public void An_exception_in_a_callback_ends_the_run_and_leaves_the_checkpoints(string where)
    {
        using var run = new TinyRun();
        run.Options = run.Options with
        {
            SaveStrategy = StepStrategy.Steps,
            SaveSteps = 1,
            Callbacks = [new RecordingCallback((name, context) => _ = name == where && context.State.GlobalStep >= 2 ? throw new FormatException("a bad day.") : 0)],
        };
        var error = Assert.Throws<TrainingException>(() => run.Train());
        Assert.Contains($"RecordingCallback.{where} failed at step ", error.Message, StringComparison.Ordinal);
        Assert.Contains("a bad day.", error.Message, StringComparison.Ordinal);
        Assert.IsType<FormatException>(error.InnerException);
        Assert.False(run.Model.training);
        string[] left = run.Checkpoints();
        Assert.NotEmpty(left);

        // Without the culprit the run goes on, to the end of an undisturbed one.
        run.Options = run.Options with { Callbacks = [] };
        run.Train(run.Output);
        byte[] resumed = run.Adapter();
        using var whole = new TinyRun();
        whole.Train();
        Assert.Equal(whole.Adapter(), resumed);
    }

    [Fact]
    public void States_are_kept_in_checkpoints_in_the_references_form()
    {
        using var run = new TinyRun();
        TrainerCallback[] callbacks = [new Counter(), new Counter(), new EarlyStoppingCallback(patience: 3, threshold: 0.5)];
        run.Options = run.Options with
        {
            SaveStrategy = StepStrategy.Steps,
            SaveSteps = 2,
            EvalStrategy = StepStrategy.Steps,
            EvalSteps = 1,
            Callbacks = callbacks,
        };
        run.Train(eval: TinyTraining.Rows(2));
        JsonObject states = TrainerState.Load(Path.Combine(run.Output, "checkpoint-4", TrainerState.FileName)).StatefulCallbacks;
        Assert.Equal(["Counter", "EarlyStoppingCallback", "TrainerControl"], states.Select(item => item.Key).Order(StringComparer.Ordinal));
        Assert.Equal("[{\"steps\":4},{\"steps\":4}]", states["Counter"]!.ToJsonString());
        Assert.Equal("""{"args":{"early_stopping_patience":3,"early_stopping_threshold":0.5},"attributes":{"early_stopping_patience_counter":3}}""", states["EarlyStoppingCallback"]!.ToJsonString());

        var again = new Counter();
        run.Options = run.Options with { MaxSteps = 5, Callbacks = [again] };
        run.Train(Path.Combine(run.Output, "checkpoint-2"), TinyTraining.Rows(2));
        Assert.Equal(5, again.Steps);
    }

    private sealed class Counter : TrainerCallback
    {
        public int Steps { get; private set; }

        public override void OnStepEnd(TrainerContext context) => Steps++;

        public override JsonObject SaveState() => new() { ["steps"] = Steps };

        public override void LoadState(JsonObject state) => Steps = state["steps"]!.GetValue<int>();
    }
}
