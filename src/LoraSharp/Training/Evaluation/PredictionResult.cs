namespace LoraSharp.Training;

/// <summary>What a model predicts for rows.</summary>
/// <param name="Metrics"><c>test_loss</c> and what else an evaluation measures.</param>
/// <param name="Rows">One for each row that was left after preparation, in order.</param>
public sealed record PredictionResult(IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<RowPrediction> Rows);
