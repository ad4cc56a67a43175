using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>Raises the rate after steady improvement, lowers it on a plateau (GreedyLR, arXiv:2512.14527, as transformers has it).</summary>
internal sealed class GreedySchedule : MetricSchedule
{
    private readonly double _factor;
    private readonly double _maxLr;
    private readonly int _warmup;
    private readonly int _resetStart;
    private readonly int _windowSize;
    private readonly List<double> _window = [];
    private int _good;
    private int _warmingUp;
    private int _untilReset;

    public GreedySchedule(IReadOnlyList<double> baseRates, SchedulerOptions options)
        : base(baseRates, options, threshold: 1e-6, ThresholdMode.Absolute, minLr: 1e-3)
    {
        _factor = options.Factor ?? 0.95;
        _maxLr = options.MaxLr ?? 1;
        _warmup = options.Warmup ?? 0;
        _resetStart = _untilReset = options.ResetStart ?? 500;
        _windowSize = options.Smooth == true ? options.WindowSize ?? 50 : 1;
    }

    public override void AfterEvaluation(double metric)
    {
        StepCount++;
        double value = Smoothed(metric);
        if (CoolingDown > 0 || _warmingUp > 0)
        {
            if (CoolingDown > 0)
            {
                CoolingDown--;
            }
            else
            {
                _warmingUp--;
            }

            _good = Bad = 0;
            return;
        }

        (_good, Bad) = IsNewBest(value) ? (_good + 1, 0) : (0, Bad + 1);
        if (_good > Patience)
        {
            Change(rate => Math.Max(rate, Math.Min(rate / _factor, _maxLr)));
            _untilReset = _resetStart;
            _warmingUp = _warmup;
            _good = 0;
        }
        else if (Bad > Patience)
        {
            Lower();
            CoolingDown = Cooldown;
            Bad = 0;
        }
    }

    protected override void Save(JsonObject state)
    {
        base.Save(state);
        state["good"] = _good;
        state["warming_up"] = _warmingUp;
        state["until_reset"] = _untilReset;
        state["window"] = new JsonArray([.. _window.Select(value => JsonValue.Create(value))]);
    }

    protected override void Load(JsonObject state)
    {
        int good = state["good"]!.GetValue<int>();
        int warmingUp = state["warming_up"]!.GetValue<int>();
        int untilReset = state["until_reset"]!.GetValue<int>();
        double[] window = [.. state["window"]!.AsArray().Select(value => value!.GetValue<double>())];
        base.Load(state);
        _good = good;
        _warmingUp = warmingUp;
        _untilReset = untilReset;
        _window.Clear();
        _window.AddRange(window.TakeLast(_windowSize));
    }

    private double Smoothed(double metric)
    {
        _window.Add(metric);
        if (_window.Count > _windowSize)
        {
            _window.RemoveAt(0);
        }

        return _window.Average();
    }

    private void Lower()
    {
        Change(rate => Math.Min(rate, Math.Max(rate * _factor, MinLr)));
        if (Rates.Any(rate => rate > MinLr) || --_untilReset > 0)
        {
            return;
        }

        for (int i = 0; i < BaseRates.Count; i++)
        {
            SetRate(i, BaseRates[i]);
        }

        ForgetBest();
        _window.Clear();
        _good = Bad = _warmingUp = 0;
        _untilReset = _resetStart;
    }
}
