namespace LoraSharp.Training.Losses;

/// <summary>What a forward pass says besides its loss.</summary>
/// <param name="Predicted">Positions with a label.</param>
/// <param name="Entropy">Mean entropy of the predicted distributions over those positions; 0 when there are none.</param>
/// <param name="Accuracy">Share of those positions at which the most probable token is the label; 0 when there are none.</param>
internal readonly record struct TokenMetrics(long Predicted, double Entropy, double Accuracy)
{
    /// <summary>The load-balancing loss of the routers, where it is part of the loss.</summary>
    public double? RouterLoss { get; init; }
}
