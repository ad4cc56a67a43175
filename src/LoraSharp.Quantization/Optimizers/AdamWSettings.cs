namespace LoraSharp.Quantization;

/// <summary>
/// The numbers of AdamW ("Decoupled Weight Decay Regularization", arXiv:1711.05101). bitsandbytes' Adam8bit follows the same rule with a default
/// decay of 0.
/// </summary>
/// <param name="LearningRate">The step size.</param>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the second moment; at least 0.</param>
/// <param name="WeightDecay">Decoupled decay: parameters shrink by learning rate × decay before the update; at least 0.</param>
public readonly record struct AdamWSettings(double LearningRate, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0.01)
{
    internal AdamConstants At(long step)
    {
        OptimizerArguments.RequireBeta(Beta1, nameof(Beta1));
        OptimizerArguments.RequireBeta(Beta2, nameof(Beta2));
        OptimizerArguments.RequireNotNegative(LearningRate, nameof(LearningRate));
        OptimizerArguments.RequireNotNegative(Epsilon, nameof(Epsilon));
        OptimizerArguments.RequireNotNegative(WeightDecay, nameof(WeightDecay));
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);

        // In double: 1 - 0.999 in single precision is off by 1.3e-5.
        return new AdamConstants(
            (float)Beta1,
            (float)(1 - Beta1),
            (float)Beta2,
            (float)(1 - Beta2),
            (float)(1 - (LearningRate * WeightDecay)),
            (float)(LearningRate / (1 - Math.Pow(Beta1, step))),
            (float)Math.Sqrt(1 - Math.Pow(Beta2, step)),
            (float)Epsilon);
    }
}

/// <summary>What a step computes with, rounded to single precision once.</summary>
internal readonly record struct AdamConstants(
    float Beta1, float OneMinusBeta1, float Beta2, float OneMinusBeta2, float Decay, float StepSize, float RootCorrection, float Epsilon);
