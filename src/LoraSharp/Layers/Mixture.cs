using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>A mixture of experts: a router sends each token to a few feed-forward layers and adds their outputs, weighed.</summary>
internal sealed class Mixture : IFeedForward
{
    private readonly MixtureConfig _config;
    private readonly Slot _router;
    private readonly IExperts _experts;

    public Mixture(MixtureConfig config, string activation, WeightScope weights, int hidden)
    {
        _config = config;
        _router = weights.Linear(config.Router, config.Experts, hidden, config.RouterBias, quantize: false);
        _experts = config.Packed ? new PackedExperts(config, weights, hidden) : new SeparateExperts(config, activation, weights, hidden);
    }

    public Tensor Forward(Tensor x, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        Tensor tokens = x.reshape(-1, x.shape[^1]);
        Tensor logits = _router.Call(tokens);
        (Tensor weights, Tensor chosen) = Route(logits);
        context.Routing?.Add(logits, chosen);
        Tensor result = zeros_like(tokens);
        for (int expert = 0; expert < _config.Experts; expert++)
        {
            using var inner = NewDisposeScope();
            Tensor places = chosen.eq(expert).nonzero();
            if (places.shape[0] == 0)
            {
                continue;
            }

            Tensor rows = places.select(1, 0), slots = places.select(1, 1);
            Tensor share = weights.index([rows, slots]).unsqueeze(1);
            Tensor output = _experts.Forward(expert, tokens.index_select(0, rows)) * share;
            Tensor sum = result.index_add(0, rows, output.to(result.dtype), 1).MoveToOuterDisposeScope();
            result.Dispose();
            result = sum;
        }

        return result.view(x.shape).MoveToOuterDisposeScope();
    }

    // Weights and numbers of the chosen experts, both (tokens, k).
    private (Tensor Weights, Tensor Chosen) Route(Tensor logits)
    {
        if (_config.Packed)
        {
            (Tensor top, Tensor index) = logits.topk(_config.Chosen, -1);
            return (top.softmax(-1), index);
        }

        (Tensor weights, Tensor chosen) = logits.softmax(-1, ScalarType.Float32).topk(_config.Chosen, -1);
        return ((_config.Normalize ? weights / weights.sum(-1, keepdim: true) : weights).to(logits.dtype), chosen);
    }

    private interface IExperts
    {
        Tensor Forward(int expert, Tensor x);
    }

    /// <summary>Experts with layers of their own, which adapters can target and which can be quantised.</summary>
    private sealed class SeparateExperts : IExperts
    {
        private readonly FeedForward[] _experts;

        public SeparateExperts(MixtureConfig config, string activation, WeightScope weights, int hidden)
        {
            var layer = new FeedForwardConfig { Intermediate = config.Intermediate, Activation = activation, Gate = config.Gate, Up = config.Up, Down = config.Down };
            _experts = [.. Enumerable.Range(0, config.Experts).Select(e => new FeedForward(layer, weights.At($"{config.ExpertsPath}.{e}"), hidden))];
        }

        public Tensor Forward(int expert, Tensor x) => _experts[expert].Forward(x, NoContext);

        private static readonly AttentionContext NoContext = new();
    }

    /// <summary>gpt-oss's experts: y = x·W + b with gate and up interleaved; h = (up + 1) · gate · σ(alpha · gate).</summary>
    private sealed class PackedExperts : IExperts
    {
        private readonly MixtureConfig _config;
        private readonly Parameter _gateUp;
        private readonly Parameter _gateUpBias;
        private readonly Parameter _down;
        private readonly Parameter _downBias;

        public PackedExperts(MixtureConfig config, WeightScope weights, int hidden)
        {
            _config = config;
            WeightScope experts = weights.At(config.ExpertsPath);
            _gateUp = experts.Parameter("gate_up_proj", WeightStart.Random, config.Experts, hidden, 2 * config.Intermediate);
            _gateUpBias = experts.Parameter("gate_up_proj_bias", WeightStart.Zeros, config.Experts, 2 * config.Intermediate);
            _down = experts.Parameter("down_proj", WeightStart.Random, config.Experts, config.Intermediate, hidden);
            _downBias = experts.Parameter("down_proj_bias", WeightStart.Zeros, config.Experts, hidden);
        }

        public Tensor Forward(int expert, Tensor x)
        {
            using var scope = NewDisposeScope();
            Tensor both = (x.matmul(_gateUp.select(0, expert)) + _gateUpBias.select(0, expert)).unflatten(1, -1, 2);
            Tensor gate = both.select(-1, 0).clamp_max(_config.Limit), up = both.select(-1, 1).clamp(-_config.Limit, _config.Limit);
            Tensor inner = (up + 1) * gate * (gate * _config.Alpha).sigmoid();
            return (inner.matmul(_down.select(0, expert)) + _downBias.select(0, expert)).MoveToOuterDisposeScope();
        }
    }
}
