using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Adafactor as transformers has it: a factored second moment, clipped updates, optionally a rate of its own. State in float32.</summary>
internal sealed class AdafactorOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options) : StatefulOptimizer(groups)
{
    private const string Row = "exp_avg_sq_row";
    private const string Column = "exp_avg_sq_col";
    private const string Second = "exp_avg_sq";
    private const string First = "exp_avg";
    private readonly double? _beta1 = options.Beta1;
    private readonly double _eps = options.Eps ?? 1e-30;
    private readonly double _epsScale = options.EpsScale ?? 1e-3;
    private readonly double _clipThreshold = options.ClipThreshold ?? 1;
    private readonly double _decayRate = options.DecayRate ?? -0.8;
    private readonly bool _scaleParameter = options.ScaleParameter ?? false;
    private readonly bool _relativeStep = options.RelativeStep ?? false;
    private readonly bool _warmupInit = options.WarmupInit ?? false;

    protected override Dictionary<string, Tensor> CreateState(Tensor parameter)
    {
        Tensor Zeros(params long[] shape) => zeros(shape, Wide(parameter.dtype), parameter.device);
        long[] shape = parameter.shape;
        var state = new Dictionary<string, Tensor>();
        if (shape.Length >= 2)
        {
            state.Add(Row, Zeros(shape[..^1]));
            state.Add(Column, Zeros([.. shape[..^2], shape[^1]]));
        }
        else
        {
            state.Add(Second, Zeros(shape));
        }

        if (_beta1 is not null)
        {
            state.Add(First, Zeros(shape));
        }

        return state;
    }

    protected override void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step)
    {
        double rate = _relativeStep ? Math.Min(_warmupInit ? 1e-6 * step : 1e-2, 1 / Math.Sqrt(step)) : group.LearningRate;
        if (_scaleParameter)
        {
            rate *= Math.Max(_epsScale, RootMeanSquare(parameter));
        }

        double beta2 = 1 - Math.Pow(step, _decayRate);
        Tensor square = gradient.square().add_(_eps);
        Tensor update;
        if (state.TryGetValue(Row, out Tensor? row))
        {
            Tensor column = state[Column];
            row.mul_(beta2).add_(square.mean([-1]), 1 - beta2);
            column.mul_(beta2).add_(square.mean([-2]), 1 - beta2);
            Tensor rowFactor = (row / row.mean([-1], keepdim: true)).rsqrt_().unsqueeze(-1);
            update = rowFactor * column.unsqueeze(-2).rsqrt() * gradient;
        }
        else
        {
            update = state[Second].mul_(beta2).add_(square, 1 - beta2).rsqrt().mul_(gradient);
        }

        update.div_(Math.Max(1, RootMeanSquare(update) / _clipThreshold)).mul_(rate);
        if (_beta1 is { } beta1)
        {
            update = state[First].mul_(beta1).add_(update, 1 - beta1);
        }

        if (group.WeightDecay != 0)
        {
            parameter.add_(parameter, -group.WeightDecay * rate);
        }

        parameter.sub_(update);
    }

    private static double RootMeanSquare(Tensor values) => values.norm().ToDouble() / Math.Sqrt(values.numel());
}
