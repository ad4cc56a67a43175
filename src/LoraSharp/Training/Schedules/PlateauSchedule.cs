namespace LoraSharp.Training;

/// <summary>Lowers the rate when the metric has not improved for more than <c>Patience</c> evaluations (torch's ReduceLROnPlateau).</summary>
internal sealed class PlateauSchedule(IReadOnlyList<double> baseRates, SchedulerOptions options)
    : MetricSchedule(baseRates, options, threshold: 1e-4, ThresholdMode.Relative, minLr: 0)
{
    private readonly double _factor = options.Factor ?? 0.1;

    public override void AfterEvaluation(double metric)
    {
        StepCount++;
        Bad = IsNewBest(metric) ? 0 : Bad + 1;
        if (CoolingDown > 0)
        {
            CoolingDown--;
            Bad = 0;
        }

        if (Bad > Patience)
        {
            // A rate that is already below the floor stays: the floor does not raise it.
            Change(rate => Math.Min(rate, Math.Max(rate * _factor, MinLr)));
            CoolingDown = Cooldown;
            Bad = 0;
        }
    }
}
