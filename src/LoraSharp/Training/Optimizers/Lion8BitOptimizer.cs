using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Lion with an 8-bit momentum.</summary>
internal sealed class Lion8BitOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options, StateMemory memory)
    : EightBitOptimizer(groups, options, moments: 1, memory)
{
    private readonly double _beta1 = options.Beta1 ?? 0.9;
    private readonly double _beta2 = options.Beta2 ?? 0.99;

    protected override void Step8Bit(ParameterGroup group, Span<float> parameter, ReadOnlySpan<float> gradient, Func<int, EightBitState> moment, long step) =>
        Lion.Step(parameter, gradient, moment(1), Settings(group), get_num_threads());

    protected override void Step32Bit(ParameterGroup group, Span<float> parameter, ReadOnlySpan<float> gradient, IReadOnlyDictionary<string, Tensor> state, long step) =>
        Lion.Step(parameter, gradient, Moment(state, 1), Settings(group), get_num_threads());

    private LionSettings Settings(ParameterGroup group) => new(group.LearningRate, _beta1, _beta2, group.WeightDecay);
}
