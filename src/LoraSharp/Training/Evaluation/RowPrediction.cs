namespace LoraSharp.Training;

/// <summary>What a model predicts for the labelled tokens of a row, each from the tokens before it.</summary>
/// <param name="Labels">The labelled tokens, in order.</param>
/// <param name="Predicted">The most probable token in the place of each; of equals the lowest id.</param>
/// <param name="LogProbabilities">Natural logarithm of the probability of each label.</param>
public sealed record RowPrediction(IReadOnlyList<int> Labels, IReadOnlyList<int> Predicted, IReadOnlyList<float> LogProbabilities);
