using LoraSharp.Interop;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>
/// bitsandbytes' optimizers whose moments take 8 bits an element ("8-bit Optimizers via Block-wise Quantization", arXiv:2110.02861): each moment is codes and one scale for
/// 256 elements. Small tensors keep float32 moments. A step with a gradient that is not finite would spoil whole blocks, so it is skipped.
/// </summary>
internal abstract class EightBitOptimizer : StatefulOptimizer
{
    private const int DefaultSmallest = 4096;
    private readonly int _moments;
    private readonly long _smallest;

    /// <param name="groups">The parameters.</param>
    /// <param name="options">Arguments.</param>
    /// <param name="moments">Moments of a parameter: 1 or 2.</param>
    /// <param name="memory">Where states lie.</param>
    protected EightBitOptimizer(IReadOnlyList<ParameterGroup> groups, OptimizerOptions options, int moments, StateMemory memory)
        : base(groups, memory)
    {
        _moments = moments;
        _smallest = options.Min8BitSize ?? DefaultSmallest;
    }

    protected override Dictionary<string, Tensor> CreateState(Tensor parameter)
    {
        var state = new Dictionary<string, Tensor>();
        bool in8Bit = parameter.numel() >= _smallest;
        for (int i = 1; i <= _moments; i++)
        {
            state.Add(MomentKey(i), Memory.Zeros(parameter.shape, in8Bit ? ScalarType.Byte : ScalarType.Float32, parameter.device));
            if (in8Bit)
            {
                state.Add(ScaleKey(i), Memory.Zeros([EightBitState.ScaleCount(checked((int)parameter.numel()))], ScalarType.Float32, parameter.device));
            }
        }

        return state;
    }

    protected override string? Objection()
    {
        foreach (NamedParameter parameter in Groups.SelectMany(group => group.Parameters))
        {
            if (parameter.Value.grad is { } gradient && !IsFinite(gradient))
            {
                return $"The gradient of '{parameter.Name}' holds NaN or infinity.";
            }
        }

        return null;
    }

    protected override void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step)
    {
        // The kernels read and write plain float32 memory; a copy goes back rounded once.
        Tensor plain = parameter.to(ScalarType.Float32).contiguous();
        ReadOnlySpan<float> slope = TensorMemory.Span<float>(gradient.to(ScalarType.Float32).contiguous());
        if (state.ContainsKey(ScaleKey(1)))
        {
            Step8Bit(group, TensorMemory.Span<float>(plain), slope, i => State8Bit(state, i), step);
        }
        else
        {
            Step32Bit(group, TensorMemory.Span<float>(plain), slope, state, step);
        }

        if (parameter.dtype != ScalarType.Float32 || !parameter.is_contiguous())
        {
            parameter.copy_(plain);
        }
    }

    /// <summary>One step with 8-bit moments, counted from 1.</summary>
    protected abstract void Step8Bit(ParameterGroup group, Span<float> parameter, ReadOnlySpan<float> gradient, Func<int, EightBitState> moment, long step);

    /// <summary>One step with float32 moments.</summary>
    protected abstract void Step32Bit(ParameterGroup group, Span<float> parameter, ReadOnlySpan<float> gradient, IReadOnlyDictionary<string, Tensor> state, long step);

    /// <summary>A float32 moment, counted from 1.</summary>
    protected static Span<float> Moment(IReadOnlyDictionary<string, Tensor> state, int i) => TensorMemory.Span<float>(state[MomentKey(i)]);

    private static string MomentKey(int i) => $"state{i}";

    private static string ScaleKey(int i) => $"absmax{i}";

    private static EightBitState State8Bit(IReadOnlyDictionary<string, Tensor> state, int i) =>
        new(new TensorElements<byte>(state[MomentKey(i)]).Memory, new TensorElements<float>(state[ScaleKey(i)]).Memory);

    private static bool IsFinite(Tensor gradient)
    {
        using DisposeScope scope = NewDisposeScope();
        return Gradients.AreFinite<float>(TensorMemory.Span<float>(gradient.to(ScalarType.Float32).contiguous()));
    }
}
