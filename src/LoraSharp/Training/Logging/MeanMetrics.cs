using LoraSharp.Training.Losses;

namespace LoraSharp.Training.Logging;

/// <summary>Plain means over micro-batches.</summary>
internal sealed class MeanMetrics
{
    private double _entropy;
    private double _accuracy;
    private double? _routerLoss;

    public int Count { get; private set; }

    public void Add(TokenMetrics metrics)
    {
        _entropy += metrics.Entropy;
        _accuracy += metrics.Accuracy;
        _routerLoss = metrics.RouterLoss is { } loss ? (_routerLoss ?? 0) + loss : _routerLoss;
        Count++;
    }

    /// <summary>Adds the means to an entry, if there are any, and starts anew.</summary>
    public void Take(Dictionary<string, double> entry, string prefix)
    {
        if (Count > 0)
        {
            entry[prefix + "entropy"] = _entropy / Count;
            entry[prefix + "mean_token_accuracy"] = _accuracy / Count;
            if (_routerLoss is { } routerLoss)
            {
                entry[prefix + "aux_loss"] = routerLoss / Count;
            }
        }

        (_entropy, _accuracy, _routerLoss, Count) = (0, 0, null, 0);
    }
}
