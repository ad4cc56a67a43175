namespace LoraSharp.Training.Checkpoints;

/// <summary>Everything of a run that has a state.</summary>
internal sealed record RunParts(TrainingTask Task, IOptimizer Optimizer, LearningRateSchedule Schedule, GradientScaler? Scaler, CallbackHandler Callbacks);
