using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>What the schedules that a metric drives have in common: the best value so far, counters, and one rate a group.</summary>
internal abstract class MetricSchedule : LearningRateSchedule
{
    private readonly double _eps;
    private readonly bool _lowerIsBetter;
    private readonly double _threshold;
    private readonly bool _relative;
    private double? _best;

    protected MetricSchedule(IReadOnlyList<double> baseRates, SchedulerOptions options, double threshold, ThresholdMode thresholdMode, double minLr)
        : base(baseRates)
    {
        _lowerIsBetter = (options.Mode ?? MetricMode.Min) == MetricMode.Min;
        _threshold = options.Threshold ?? threshold;
        _relative = (options.ThresholdMode ?? thresholdMode) == ThresholdMode.Relative;
        _eps = options.Eps ?? 1e-8;
        MinLr = options.MinLr ?? minLr;
        Patience = options.Patience ?? 10;
        Cooldown = options.Cooldown ?? 0;
    }

    public override bool NeedsMetric => true;

    protected double MinLr { get; }

    protected int Patience { get; }

    protected int Cooldown { get; }

    protected int Bad { get; set; }

    protected int CoolingDown { get; set; }

    /// <summary>Compares a value with the best one, and keeps it when it is better. A value that is not a number is never better.</summary>
    protected bool IsNewBest(double value)
    {
        double best = _best ?? (_lowerIsBetter ? double.PositiveInfinity : double.NegativeInfinity);
        double margin = _lowerIsBetter ? -_threshold : _threshold;
        double bound = _relative ? best * (1 + margin) : best + margin;
        bool better = _lowerIsBetter ? value < bound : value > bound;
        if (better)
        {
            _best = value;
        }

        return better;
    }

    protected void ForgetBest() => _best = null;

    /// <summary>Sets each group's rate to what <paramref name="change"/> makes of it, unless the change is not larger than eps.</summary>
    protected void Change(Func<double, double> change)
    {
        for (int i = 0; i < Rates.Count; i++)
        {
            double rate = change(Rates[i]);
            if (Math.Abs(rate - Rates[i]) > _eps)
            {
                SetRate(i, rate);
            }
        }
    }

    protected override void Save(JsonObject state)
    {
        state["rates"] = new JsonArray([.. Rates.Select(rate => JsonValue.Create(rate))]);
        state["best"] = _best;
        state["bad"] = Bad;
        state["cooling_down"] = CoolingDown;
    }

    protected override void Load(JsonObject state)
    {
        double[] rates = [.. state["rates"]!.AsArray().Select(rate => rate!.GetValue<double>())];
        if (rates.Length != Rates.Count)
        {
            throw new InvalidDataException($"The saved schedule has {rates.Length} parameter groups, this run has {Rates.Count}.");
        }

        double? best = state["best"]?.GetValue<double>();
        int bad = state["bad"]!.GetValue<int>();
        int coolingDown = state["cooling_down"]!.GetValue<int>();
        _best = best;
        Bad = bad;
        CoolingDown = coolingDown;
        for (int i = 0; i < rates.Length; i++)
        {
            SetRate(i, rates[i]);
        }
    }
}
