namespace LoraSharp.Training;

/// <summary>What a call of Train did.</summary>
/// <param name="GlobalStep">Optimizer steps of the whole run.</param>
/// <param name="TrainLoss">Mean loss of the steps of this call.</param>
/// <param name="LogHistory">All log entries, as trainer_state.json holds them.</param>
/// <param name="BestMetric">The best value of the metric that decides, or null.</param>
/// <param name="BestModelCheckpoint">The folder of the best checkpoint, or null.</param>
public sealed record TrainingResult(
    int GlobalStep, double TrainLoss, IReadOnlyList<IReadOnlyDictionary<string, double>> LogHistory, double? BestMetric = null, string? BestModelCheckpoint = null);
