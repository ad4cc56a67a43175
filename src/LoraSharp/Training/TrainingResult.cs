namespace LoraSharp.Training;

/// <summary>What a call of Train did.</summary>
/// <param name="GlobalStep">Optimizer steps of the whole run.</param>
/// <param name="TrainLoss">Mean loss of the steps of this call.</param>
/// <param name="LogHistory">All log entries, as trainer_state.json holds them.</param>
public sealed record TrainingResult(int GlobalStep, double TrainLoss, IReadOnlyList<IReadOnlyDictionary<string, double>> LogHistory);
