using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>RMSprop: the gradient over the root of its mean square.</summary>
internal sealed class RmsPropOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options) : StatefulOptimizer(groups)
{
    private const string MeanSquare = "square_avg";
    private const string Mean = "grad_avg";
    private const string Buffer = "momentum_buffer";
    private readonly double _alpha = options.Alpha ?? 0.99;
    private readonly double _eps = options.Eps ?? 1e-8;
    private readonly double _momentum = options.Momentum ?? 0;
    private readonly bool _centered = options.Centered ?? false;

    protected override Dictionary<string, Tensor> CreateState(Tensor parameter)
    {
        var state = new Dictionary<string, Tensor> { [MeanSquare] = zeros_like(parameter) };
        if (_centered)
        {
            state.Add(Mean, zeros_like(parameter));
        }

        if (_momentum != 0)
        {
            state.Add(Buffer, zeros_like(parameter));
        }

        return state;
    }

    protected override void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step)
    {
        if (group.WeightDecay != 0)
        {
            gradient = gradient.add(parameter, group.WeightDecay);
        }

        Tensor variance = state[MeanSquare].mul_(_alpha).addcmul_(gradient, gradient, 1 - _alpha);
        if (_centered)
        {
            Tensor mean = state[Mean].mul_(_alpha).add_(gradient, 1 - _alpha);
            variance = variance.addcmul(mean, mean, -1);
        }

        Tensor denominator = variance.sqrt().add_(_eps);
        if (_momentum != 0)
        {
            parameter.add_(state[Buffer].mul_(_momentum).addcdiv_(gradient, denominator), -group.LearningRate);
        }
        else
        {
            parameter.addcdiv_(gradient, denominator, -group.LearningRate);
        }
    }
}
