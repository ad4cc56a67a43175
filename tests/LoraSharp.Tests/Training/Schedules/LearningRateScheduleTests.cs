using System.Text.Json.Nodes;
using LoraSharp.Training;

namespace LoraSharp.Tests.Training.Schedules;

public class LearningRateScheduleTests
{
    [Fact]
    public void Every_group_keeps_its_own_base_rate()
    {
        LearningRateSchedule schedule = LearningRateSchedule.Create(SchedulerType.Linear, 1e-3, 0, 4, groupRates: [1e-3, 1.6e-2]);
        schedule.AfterOptimizerStep();
        Assert.Equal([7.5e-4, 1.2e-2], schedule.Rates);
    }

    [Fact]
    public void A_function_of_the_users_own_is_a_schedule()
    {
        LearningRateSchedule schedule = LearningRateSchedule.FromFactor(t => 1.0 / (1 + t), [0.5]);
        schedule.AfterOptimizerStep();
        Assert.Equal(0.25, schedule.Rate);
    }

    [Fact]
    public void An_option_of_another_schedule_is_an_error_that_names_the_right_ones()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => LearningRateSchedule.Create(SchedulerType.Cosine, 1e-3, 0, 10, new SchedulerOptions { Power = 2 }));
        Assert.Contains("Cosine has no option Power; it takes NumCycles", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SchedulerType.CosineWithMinLr, "exactly one of MinLr and MinLrRate")]
    [InlineData(SchedulerType.WarmupStableDecay, "needs NumDecaySteps")]
    public void A_missing_option_is_named(SchedulerType type, string message)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => LearningRateSchedule.Create(type, 1e-3, 0, 10));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_polynomial_must_end_below_its_start() =>
        Assert.Throws<ArgumentException>(() => LearningRateSchedule.Create(SchedulerType.Polynomial, 1e-8, 0, 10));

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    public void Rates_are_finite_and_not_negative(double rate) =>
        Assert.Throws<ArgumentException>(() => LearningRateSchedule.Create(SchedulerType.Constant, rate, 0, 10));

    [Theory]
    [InlineData(0.1, 33, 4)]
    [InlineData(0, 33, 0)]
    [InlineData(1, 33, 1)]
    [InlineData(7, 33, 7)]
    public void Warm_up_is_a_share_or_a_count(double warmup, int total, int expected) =>
        Assert.Equal(expected, LearningRateSchedule.ResolveWarmupSteps(warmup, total));

    [Fact]
    public void Greedy_starts_anew_after_waiting_at_the_lowest_rate()
    {
        var options = new SchedulerOptions { Factor = 0.5, Patience = 0, MinLr = 0.25, ResetStart = 2 };
        LearningRateSchedule schedule = LearningRateSchedule.Create(SchedulerType.Greedy, 1, 0, 10, options);
        var rates = new List<double>();
        foreach (double metric in new[] { 1.0, 2, 2, 2, 0.9 })
        {
            schedule.AfterEvaluation(metric);
            rates.Add(schedule.Rate);
        }

        // 1 improves (already at the highest rate); two falls reach 0.25, where the counter of two runs out with the next one.
        Assert.Equal([1, 0.5, 0.25, 1, 1], rates);
    }

    [Fact]
    public void Greedy_smooths_over_its_window()
    {
        var options = new SchedulerOptions { Factor = 0.5, Patience = 0, MinLr = 1e-3, MaxLr = 1, Smooth = true, WindowSize = 2 };
        LearningRateSchedule schedule = LearningRateSchedule.Create(SchedulerType.Greedy, 0.25, 0, 10, options);
        schedule.AfterEvaluation(4);
        schedule.AfterEvaluation(5);
        Assert.Equal(0.25, schedule.Rate); // raised by 4, lowered by the mean 4.5
        schedule.AfterEvaluation(2);
        Assert.Equal(0.5, schedule.Rate); // raised by the mean 3.5
    }

    [Fact]
    public void A_foreign_state_changes_nothing()
    {
        LearningRateSchedule schedule = LearningRateSchedule.Create(SchedulerType.Greedy, 0.5, 0, 10);
        Assert.Throws<InvalidDataException>(() => schedule.LoadState(new JsonObject { ["step"] = 3 }));
        Assert.Throws<InvalidDataException>(() => schedule.LoadState(new JsonObject { ["step"] = "x" }));
        Assert.Equal(0, schedule.StepCount);
        Assert.Equal(0.5, schedule.Rate);
    }
}
