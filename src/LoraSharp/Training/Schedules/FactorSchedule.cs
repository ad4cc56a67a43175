using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>A schedule that multiplies every group's base rate by a function of the step count.</summary>
internal sealed class FactorSchedule : LearningRateSchedule
{
    private readonly Func<long, double> _factor;

    public FactorSchedule(IReadOnlyList<double> baseRates, Func<long, double> factor)
        : base(baseRates)
    {
        _factor = factor;
        Update();
    }

    public override void AfterOptimizerStep()
    {
        StepCount++;
        Update();
    }

    protected override void Save(JsonObject state)
    {
    }

    protected override void Load(JsonObject state)
    {
    }

    protected override void Restored() => Update();

    private void Update()
    {
        double factor = _factor(StepCount);
        for (int i = 0; i < BaseRates.Count; i++)
        {
            SetRate(i, BaseRates[i] * factor);
        }
    }
}
