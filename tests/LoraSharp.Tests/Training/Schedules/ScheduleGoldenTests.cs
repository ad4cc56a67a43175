using System.Text.Json;
using System.Text.Json.Serialization;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;

namespace LoraSharp.Tests.Training.Schedules;

public class ScheduleGoldenTests
{
    private static readonly JsonSerializerOptions Names = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    [Theory]
    [GoldenCases("schedule")]
    public void Golden(string name)
    {
        var c = new GoldenCase("schedule", name);
        c.RequireKnownParameters("lr_scheduler_type", "learning_rate", "warmup_steps", "num_training_steps", "lr_scheduler_kwargs", "steps");
        int total = c.Parameters.GetProperty("num_training_steps").GetInt32();
        int warmup = LearningRateSchedule.ResolveWarmupSteps(c.Parameters.GetProperty("warmup_steps").GetDouble(), total);
        Assert.Equal(c.Expected.GetProperty("num_warmup_steps").GetInt32(), warmup);

        LearningRateSchedule Make() => LearningRateSchedule.Create(
            c.Parameters.GetProperty("lr_scheduler_type").Deserialize<SchedulerType>(),
            c.Parameters.GetProperty("learning_rate").GetDouble(),
            warmup,
            total,
            c.Parameters.GetProperty("lr_scheduler_kwargs").Deserialize<SchedulerOptions>(Names));

        LearningRateSchedule schedule = Make();
        double[] expected = [.. c.Expected.GetProperty("learning_rates").EnumerateArray().Select(rate => rate.GetDouble())];
        double[]? metrics = c.Inputs.TryGetProperty("metrics", out JsonElement given) ? [.. given.EnumerateArray().Select(value => value.GetDouble())] : null;
        Assert.Equal(metrics is not null, schedule.NeedsMetric);
        Assert.Equal(c.Parameters.GetProperty("steps").GetInt32(), expected.Length);
        for (int t = 0; t < expected.Length; t++)
        {
            Assert.True(
                Math.Abs(schedule.Rate - expected[t]) <= c.Absolute + (c.Relative * Math.Abs(expected[t])),
                $"{c}: step {t}: {schedule.Rate} instead of {expected[t]}");
            schedule.AfterOptimizerStep();
            if (metrics is not null && t < metrics.Length)
            {
                schedule.AfterEvaluation(metrics[t]);
            }

            // A resumed run goes on with the same rates at every step.
            LearningRateSchedule resumed = Make();
            resumed.LoadState(JsonSerializer.Deserialize<System.Text.Json.Nodes.JsonObject>(schedule.SaveState().ToJsonString())!);
            Assert.Equal(schedule.Rates, resumed.Rates);
            schedule = resumed;
        }
    }
}
