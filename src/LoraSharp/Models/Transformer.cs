using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The body of every model: embedding, layers, final norm. Decoders, encoders and both halves of encoder-decoder models differ in their configuration.</summary>
internal sealed class Transformer
{
    private readonly ModuleTable _modules;
    private readonly TransformerEmbedding _embedding;
    private TransformerLayer[] _layers;
    private readonly LayerKind[] _kinds;
    private readonly RotaryEmbedding?[] _rotary;
    private int[] _kindOfLayer;
    private readonly Slot? _norm;
    private readonly Slot? _outputProjection;
    private readonly RelativeBias? _relativeBias;
    private readonly RelativePositionTable? _relativePositions;

    /// <summary>Builds the stack.</summary>
    /// <param name="config">Sizes, flags and names.</param>
    /// <param name="weights">The base model's place.</param>
    /// <param name="tokens">A token table shared with another stack, or null.</param>
    public Transformer(TransformerConfig config, WeightScope weights, Slot? tokens = null)
    {
        Config = config;
        _modules = weights.Modules;
        _embedding = new TransformerEmbedding(config, weights, tokens);
        _layers = [.. Enumerable.Range(0, config.Layers).Select(i => new TransformerLayer(config, weights.At($"{config.LayersPath}.{i}"), i))];
        _norm = config.FinalNorm is { } norm ? weights.Norm(norm, config.Norm, config.HiddenSize) : null;
        _outputProjection = config.OutputProjection is { } projection ? weights.Linear(projection, config.OutputFeatures, config.HiddenSize) : null;
        _relativeBias = config.RelativeBias is { } bias ? new RelativeBias(bias, config.Attention.Heads, config.Causal, weights) : null;
        _relativePositions = config.RelativePositions is { } relative ? new RelativePositionTable(relative, config, weights) : null;
        _kinds = [.. config.Kinds.Distinct()];
        _kindOfLayer = [.. config.Kinds.Select(kind => Array.IndexOf(_kinds, kind))];
        _rotary = [.. _kinds.Select(kind => kind.Rope is { } rope ? new RotaryEmbedding(rope) : null)];
    }

    public TransformerConfig Config { get; private set; }

    /// <summary>Gradient checkpointing while training: so many layers, the first ones, keep their input only.</summary>
    public int CheckpointedLayers { get; set; }

    /// <summary>The token table's place.</summary>
    public Slot Tokens => _embedding.Tokens;

    /// <summary>Makes the stack of these of its layers, in this order; a layer may occur several times, over the same weights.</summary>
    /// <returns>What puts the old layers back.</returns>
    public Action Rearrange(IReadOnlyList<int> order)
    {
        (TransformerConfig config, TransformerLayer[] layers, int[] kinds) = (Config, _layers, _kindOfLayer);
        var group = new ModuleGroup();
        ModuleGroup old = _modules.Exchange(config.LayersPath, group);
        var weights = new ExistingWeights(old);
        _layers = [.. order.Select((layer, i) => new TransformerLayer(config, new WeightScope(weights, $"{layer}", group.Modules.At($"{i}")), layer, i))];
        _kindOfLayer = [.. order.Select(layer => kinds[layer])];
        Config = config with { Layers = order.Count, Kinds = [.. order.Select(layer => config.Kinds[layer])] };
        return () =>
        {
            _modules.Exchange(config.LayersPath, old);
            (Config, _layers, _kindOfLayer) = (config, layers, kinds);
        };
    }

    /// <summary>Hidden states (B, T, hidden) after the final norm.</summary>
    public Tensor Forward(TransformerInputs inputs)
    {
        using var scope = NewDisposeScope();
        long[] shape = (inputs.TokenVectors ?? inputs.Ids!).shape;
        int past = inputs.Cache?.Length ?? 0, tokens = (int)shape[1];
        Tensor positions = inputs.PositionIds ?? arange(past, past + tokens, dtype: ScalarType.Int64).unsqueeze(0);
        Tensor x = _embedding.Forward(inputs, positions);
        AttentionContext[] contexts = Contexts(inputs, positions, past, tokens, x);
        Tensor? trigger = CheckpointedLayers > 0 && _modules.IsTraining && is_grad_enabled() && inputs.Routing is null ? zeros(0, requires_grad: true) : null;
        for (int i = 0; i < _layers.Length; i++)
        {
            inputs.Observe?.Invoke(x);
            AttentionContext context = contexts[_kindOfLayer[i]];
            Tensor next = trigger is null || i >= CheckpointedLayers ? _layers[i].Forward(x, context) : CheckpointFunction.Apply(x, context, _layers[i], trigger);
            if (i == 0 && _relativePositions is { HasConvolution: true } relative)
            {
                next = relative.Convolve(x, next, inputs.AttentionMask);
            }

            // The previous layer's output lives on only where autograd holds it.
            x.Dispose();
            x = next;
        }

        inputs.Observe?.Invoke(x);
        inputs.Cache?.Advance(tokens);
        x = _norm?.Call(x) ?? x;
        x = _outputProjection?.Call(x) ?? x;
        return x.MoveToOuterDisposeScope();
    }

    // One context for each kind of layer.
    private AttentionContext[] Contexts(TransformerInputs inputs, Tensor positions, int past, int tokens, Tensor x)
    {
        ScalarType dtype = x.dtype;
        bool isolated = Config.Causal && inputs.PositionIds is not null && inputs.AttentionMask is null && past == 0;
        Tensor? documents = isolated ? Documents(positions) : null;
        Tensor? bias = _relativeBias?.Compute(past, tokens);
        Tensor? memoryMask = inputs.Memory is { } memory ? AttentionMask.Bidirectional(inputs.MemoryMask, (int)memory.shape[1], reach: null, blindPadding: false, dtype) : null;
        RelativePositions? relative = _relativePositions?.Compute(tokens);
        var tables = new Dictionary<RopeOptions, (Tensor Cos, Tensor Sin)>();
        var masks = new Dictionary<int, (Tensor? Mask, TokenRanges? Ranges)>();

        // Attention to the tokens of this call alone, with nothing added to its scores.
        bool ranged = inputs.Cache is null && bias is null && !Config.Attention.IsEager && Config.Attention.Disentangled is null && AttentionFunction.Accepts(x)
            && (Config.Causal || !Config.BlindPadding);
        return [.. _kinds.Select(Context)];

        AttentionContext Context(LayerKind kind, int index)
        {
            (Tensor Cos, Tensor Sin)? table = null;
            if (kind.Rope is { } rope)
            {
                if (!tables.TryGetValue(rope, out var made))
                {
                    tables.Add(rope, made = _rotary[index]!.Tables(positions, dtype));
                }

                table = made;
            }

            if (!masks.TryGetValue(kind.Window ?? 0, out var visible))
            {
                masks.Add(kind.Window ?? 0, visible = Visible(kind.Window));
            }

            return new AttentionContext
            {
                Cos = table?.Cos,
                Sin = table?.Sin,
                Interleaved = kind.Rope?.Interleaved ?? false,
                Mask = visible.Mask,
                Ranges = visible.Ranges,
                IsCausal = Config.Causal && visible.Mask is null && tokens > 1,
                Cache = inputs.Cache,
                Memory = inputs.Memory,
                MemoryMask = memoryMask,
                MemoryCache = inputs.MemoryCache,
                Relative = relative,
                Routing = inputs.Routing,
            };
        }

        (Tensor? Mask, TokenRanges? Ranges) Visible(int? window)
        {
            if (ranged && (Config.Causal || window is null) && TokenRanges.Create(tokens, Config.Causal, inputs.AttentionMask, documents, window) is { } ranges)
            {
                return (null, ranges);
            }

            Tensor? mask = Config.Causal
                ? AttentionMask.Causal(inputs.AttentionMask, documents, past, tokens, window, Config.Attention.IsEager || bias is not null, dtype)
                : AttentionMask.Bidirectional(inputs.AttentionMask, tokens, window, Config.BlindPadding, dtype);
            return (bias is null ? mask : mask is null ? bias : mask + bias, null);
        }
    }

    // Numbers the documents of packed rows by where the positions restart; null when no row holds more than one.
    private static Tensor? Documents(Tensor positionIds)
    {
        using var scope = NewDisposeScope();
        Tensor restarts = positionIds.diff(dim: -1).ne(1).to(ScalarType.Int64);
        if (restarts.sum().item<long>() == 0)
        {
            return null;
        }

        Tensor first = zeros([positionIds.shape[0], 1], dtype: ScalarType.Int64);
        return cat([first, restarts.cumsum(-1)], dim: 1).MoveToOuterDisposeScope();
    }
}
