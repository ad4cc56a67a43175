namespace LoraSharp.Training;

/// <summary>Where a run stands after an optimizer step.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="TotalSteps">Optimizer steps in all.</param>
/// <param name="Epoch">Epochs done, with a fraction.</param>
/// <param name="Loss">Loss of this step, before its update.</param>
/// <param name="LearningRate">Rate of this step.</param>
/// <param name="GradNorm">Norm of the gradients before clipping.</param>
/// <param name="Tokens">Tokens seen in this call of Train, prompts included.</param>
/// <param name="Elapsed">Time since Train was called.</param>
public sealed record TrainingProgress(int Step, int TotalSteps, double Epoch, double Loss, double LearningRate, double GradNorm, long Tokens, TimeSpan Elapsed);
