namespace LoraSharp.Evaluation;

/// <summary>How well a candidate and a reference cover each other.</summary>
/// <param name="Precision">How much of the candidate the reference covers.</param>
/// <param name="Recall">How much of the reference the candidate covers.</param>
/// <param name="F1">The harmonic mean of both.</param>
public readonly record struct PairScore(double Precision, double Recall, double F1);
