using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Adagrad: the gradient over the root of the sum of its squares.</summary>
internal sealed class AdagradOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options) : StatefulOptimizer(groups)
{
    private const string Sum = "sum";
    private readonly double _lrDecay = options.LrDecay ?? 0;
    private readonly double _eps = options.Eps ?? 1e-10;
    private readonly double _start = options.InitialAccumulatorValue ?? 0;

    protected override Dictionary<string, Tensor> CreateState(Tensor parameter) => new() { [Sum] = full_like(parameter, _start) };

    protected override void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step)
    {
        if (group.WeightDecay != 0)
        {
            gradient = gradient.add(parameter, group.WeightDecay);
        }

        Tensor root = state[Sum].addcmul_(gradient, gradient, 1).sqrt().add_(_eps);
        parameter.addcdiv_(gradient, root, -group.LearningRate / (1 + ((step - 1) * _lrDecay)));
    }
}
