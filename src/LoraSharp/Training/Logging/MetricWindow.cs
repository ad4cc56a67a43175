using LoraSharp.Training.Losses;

namespace LoraSharp.Training.Logging;

/// <summary>Gathers what happens between two log entries.</summary>
internal sealed class MetricWindow
{
    private readonly MeanMetrics _means = new();
    private double _loss;
    private int _steps;

    /// <summary>Tokens since the start of this call of Train.</summary>
    public long Tokens { get; private set; }

    public bool HasMicroBatches => _means.Count > 0;

    public void AddMicroBatch(double loss, TokenMetrics metrics, long tokens)
    {
        _loss += loss;
        _means.Add(metrics);
        Tokens += tokens;
    }

    public void AddStep() => _steps++;

    /// <summary>Mean loss of the steps since the last entry; starts anew.</summary>
    public double TakeLoss()
    {
        double mean = _loss / Math.Max(1, _steps);
        _loss = 0;
        _steps = 0;
        return mean;
    }

    /// <summary>Adds entropy, accuracy and tokens to an entry; the means start anew.</summary>
    public void TakeMetrics(Dictionary<string, double> entry)
    {
        _means.Take(entry, "");
        entry["num_tokens"] = Tokens;
    }
}
