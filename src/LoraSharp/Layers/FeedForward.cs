using LoraSharp.Kernels;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>What stands after attention in a layer.</summary>
internal interface IFeedForward
{
    /// <summary>(B, T, hidden) → (B, T, hidden).</summary>
    Tensor Forward(Tensor x, AttentionContext context);
}

/// <summary>Feed-forward layer: down(act(up(x))), or gated (Shazeer 2020): down(act(gate(x)) · up(x)).</summary>
internal sealed class FeedForward : IFeedForward
{
    private readonly Func<Tensor, Tensor> _activation;
    private readonly bool _isSwiGlu;
    private readonly bool _fusedGate;
    private readonly Slot? _gate;
    private readonly Slot _up;
    private readonly Slot _down;

    public FeedForward(FeedForwardConfig config, WeightScope weights, int hidden)
    {
        _activation = Activation.Find(config.Activation);
        _isSwiGlu = config.Activation is "silu" or "swish";
        _fusedGate = config.FusedGate;
        _gate = config is { Gate: { } gate, FusedGate: false } ? weights.Linear(gate, config.Intermediate, hidden, config.Bias) : null;
        _up = weights.Linear(config.Up, config.FusedGate ? 2 * config.Intermediate : config.Intermediate, hidden, config.Bias);
        _down = weights.Linear(config.Down, hidden, config.Intermediate, config.Bias);
    }

    public Tensor Forward(Tensor x, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        Tensor inner = Inner(x);
        return (context.ForBackward ? _down.CallForBackward(inner) : _down.Call(inner)).MoveToOuterDisposeScope();
    }

    private Tensor Inner(Tensor x)
    {
        if (_fusedGate)
        {
            Tensor both = _up.Call(x);
            long half = both.shape[^1] / 2;
            return Gated(both.narrow(-1, 0, half), both.narrow(-1, half, half));
        }

        return _gate is { } gate ? Gated(gate.Call(x), _up.Call(x)) : _activation(_up.Call(x));
    }

    private Tensor Gated(Tensor gate, Tensor up) =>
        _isSwiGlu && KernelRows.Accepts(gate) && gate.dtype == up.dtype ? SwiGluFunction.Apply(gate, up) : _activation(gate) * up;
}
