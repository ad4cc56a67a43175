using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Lion: a step of fixed size in the direction of an interpolated momentum's sign. The momentum is kept in float32.</summary>
internal sealed class LionOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options, StateMemory? memory = null) : StatefulOptimizer(groups, memory)
{
    private const string Momentum = "exp_avg";
    private readonly double _beta1 = options.Beta1 ?? 0.9;
    private readonly double _beta2 = options.Beta2 ?? 0.99;

    protected override Dictionary<string, Tensor> CreateState(Tensor parameter) =>
        new() { [Momentum] = Memory.Zeros(parameter.shape, Wide(parameter.dtype), parameter.device) };

    protected override void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step)
    {
        Tensor momentum = state[Momentum];
        Tensor direction = momentum.mul(_beta1).add_(gradient, 1 - _beta1).sign_();
        parameter.mul_(1 - (group.LearningRate * group.WeightDecay)).add_(direction, -group.LearningRate);
        momentum.mul_(_beta2).add_(gradient, 1 - _beta2);
    }
}
