using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Adam (weight decay in the gradient) and AdamW (decay first, by itself).</summary>
internal sealed unsafe class AdamOptimizer : StatefulOptimizer
{
    private const string First = "exp_avg";
    private const string Second = "exp_avg_sq";
    private const string LargestSecond = "max_exp_avg_sq";
    private readonly List<AdamKernel.Job> _queue = [];
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;
    private readonly bool _amsgrad;
    private readonly bool _decoupledDecay;
    private readonly bool _float32Moments;

    public AdamOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options, bool decoupledDecay, bool float32Moments, StateMemory? memory = null)
        : base(groups, memory)
    {
        _beta1 = options.Beta1 ?? 0.9;
        _beta2 = options.Beta2 ?? 0.999;
        _eps = options.Eps ?? 1e-8;
        _amsgrad = options.AmsGrad ?? false;
        _decoupledDecay = decoupledDecay;
        _float32Moments = float32Moments;
    }

    protected override Dictionary<string, Tensor> CreateState(Tensor parameter)
    {
        ScalarType type = _float32Moments ? Wide(parameter.dtype) : parameter.dtype;
        Tensor Zeros() => Memory.Zeros(parameter.shape, type, parameter.device);
        var state = new Dictionary<string, Tensor> { [First] = Zeros(), [Second] = Zeros() };
        if (_amsgrad)
        {
            state.Add(LargestSecond, Zeros());
        }

        return state;
    }

    protected override bool Queue(ParameterGroup group, Tensor parameter, Tensor gradient, ParameterState state)
    {
        if (_amsgrad || !IsPlain(parameter) || gradient.dtype != ScalarType.Float32 || gradient.device_type != DeviceType.CPU)
        {
            return false;
        }

        // A gradient can be a transposed view; the copy lives until the queue has run.
        Tensor dense = gradient.is_contiguous() ? gradient : gradient.contiguous();
        _queue.Add(new AdamKernel.Job
        {
            Parameter = (float*)TensorMemory.Pointer(parameter),
            Gradient = (float*)TensorMemory.Pointer(dense),
            First = (float*)TensorMemory.Pointer(state.Tensors[First]),
            Second = (float*)TensorMemory.Pointer(state.Tensors[Second]),
            Count = parameter.numel(),
            Shrink = (float)Shrink(group),
            GradientDecay = (float)GradientDecay(group),
            OneMinusBeta1 = (float)(1 - _beta1),
            Beta2 = (float)_beta2,
            OneMinusBeta2 = (float)(1 - _beta2),
            StepSize = (float)StepSize(group, state.Step),
            RootScale = (float)(1 / RootCorrection(state.Step)),
            Eps = (float)_eps,
        });
        return true;
    }

    protected override void RunQueue()
    {
        try
        {
            AdamKernel.Run(_queue, get_num_threads());
        }
        finally
        {
            _queue.Clear();
        }
    }

    protected override void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step)
    {
        if (GradientDecay(group) != 0)
        {
            gradient = gradient.add(parameter, GradientDecay(group));
        }

        parameter.mul_(Shrink(group));
        Tensor first = state[First].add_(gradient - state[First], 1 - _beta1);
        Tensor second = state[Second].mul_(_beta2).addcmul_(gradient, gradient, 1 - _beta2);
        if (_amsgrad)
        {
            second = state[LargestSecond].copy_(maximum(state[LargestSecond], second));
        }

        Tensor denominator = second.sqrt().div_(RootCorrection(step)).add_(_eps);
        parameter.addcdiv_(first, denominator, -StepSize(group, step));
    }

    private static bool IsPlain(Tensor parameter) =>
        parameter.dtype == ScalarType.Float32 && parameter.device_type == DeviceType.CPU && parameter.is_contiguous();

    private double Shrink(ParameterGroup group) => _decoupledDecay ? 1 - (group.LearningRate * group.WeightDecay) : 1;

    private double GradientDecay(ParameterGroup group) => _decoupledDecay ? 0 : group.WeightDecay;

    private double StepSize(ParameterGroup group, long step) => group.LearningRate / (1 - Math.Pow(_beta1, step));

    private double RootCorrection(long step) => Math.Sqrt(1 - Math.Pow(_beta2, step));
}
