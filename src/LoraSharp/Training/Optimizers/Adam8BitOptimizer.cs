using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Adam and AdamW with 8-bit moments: one rule, with decoupled decay.</summary>
internal sealed class Adam8BitOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options, StateMemory memory)
    : EightBitOptimizer(groups, options, moments: 2, memory)
{
    private readonly double _beta1 = options.Beta1 ?? 0.9;
    private readonly double _beta2 = options.Beta2 ?? 0.999;
    private readonly double _eps = options.Eps ?? 1e-8;

    protected override void Step8Bit(ParameterGroup group, Span<float> parameter, ReadOnlySpan<float> gradient, Func<int, EightBitState> moment, long step) =>
        AdamW.Step(parameter, gradient, moment(1), moment(2), Settings(group), step, get_num_threads());

    protected override void Step32Bit(ParameterGroup group, Span<float> parameter, ReadOnlySpan<float> gradient, IReadOnlyDictionary<string, Tensor> state, long step) =>
        AdamW.Step(parameter, gradient, Moment(state, 1), Moment(state, 2), Settings(group), step, get_num_threads());

    private AdamWSettings Settings(ParameterGroup group) => new(group.LearningRate, _beta1, _beta2, _eps, group.WeightDecay);
}
