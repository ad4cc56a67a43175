namespace LoraSharp.Quantization;

/// <summary>The numbers of Lion ("Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675).</summary>
/// <param name="LearningRate">The step size; every parameter moves by this or not at all.</param>
/// <param name="Beta1">Weight of the momentum in the update's direction, in [0, 1).</param>
/// <param name="Beta2">Decay of the momentum, in [0, 1).</param>
/// <param name="WeightDecay">Decoupled decay: parameters shrink by learning rate × decay before the update; at least 0.</param>
public readonly record struct LionSettings(double LearningRate, double Beta1 = 0.9, double Beta2 = 0.99, double WeightDecay = 0)
{
    internal LionConstants Constants()
    {
        OptimizerArguments.RequireBeta(Beta1, nameof(Beta1));
        OptimizerArguments.RequireBeta(Beta2, nameof(Beta2));
        OptimizerArguments.RequireNotNegative(LearningRate, nameof(LearningRate));
        OptimizerArguments.RequireNotNegative(WeightDecay, nameof(WeightDecay));
        return new LionConstants(
            (float)Beta1, (float)(1 - Beta1), (float)Beta2, (float)(1 - Beta2), (float)(1 - (LearningRate * WeightDecay)), (float)LearningRate);
    }
}

/// <summary>What a step computes with, rounded to single precision once.</summary>
internal readonly record struct LionConstants(float Beta1, float OneMinusBeta1, float Beta2, float OneMinusBeta2, float Decay, float StepSize);
