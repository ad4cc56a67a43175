using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Stochastic gradient descent.</summary>
internal sealed class SgdOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options) : StatefulOptimizer(groups)
{
    private const string Buffer = "momentum_buffer";
    private readonly double _momentum = options.Momentum ?? 0;
    private readonly double _dampening = options.Dampening ?? 0;
    private readonly bool _nesterov = options.Nesterov ?? false;

    protected override Dictionary<string, Tensor> CreateState(Tensor parameter) => _momentum == 0 ? [] : new() { [Buffer] = zeros_like(parameter) };

    protected override void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step)
    {
        if (group.WeightDecay != 0)
        {
            gradient = gradient.add(parameter, group.WeightDecay);
        }

        if (_momentum != 0)
        {
            // The first gradient enters undampened.
            Tensor buffer = step == 1 ? state[Buffer].copy_(gradient) : state[Buffer].mul_(_momentum).add_(gradient, 1 - _dampening);
            gradient = _nesterov ? gradient.add(buffer, _momentum) : buffer;
        }

        parameter.add_(gradient, -group.LearningRate);
    }
}
