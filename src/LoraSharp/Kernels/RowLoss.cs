namespace LoraSharp.Kernels;

/// <summary>What a row of logits gives.</summary>
/// <param name="LogSum">log Σ exp(logit).</param>
/// <param name="Nll">LogSum − logit of the target.</param>
/// <param name="Entropy">Of the distribution.</param>
/// <param name="MeanLogit">Mean of all logits.</param>
/// <param name="Best">Index of the largest logit, the first of equal ones.</param>
internal readonly record struct RowLoss(float LogSum, float Nll, float Entropy, float MeanLogit, int Best);
