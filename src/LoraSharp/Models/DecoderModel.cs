using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The body of a decoder-only model: embedding, blocks, final norm.</summary>
internal sealed class DecoderModel : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> embed_tokens;
    private readonly TorchSharp.Modules.ModuleList<DecoderLayer> layers;
    private readonly nn.Module<Tensor, Tensor> norm;
    private readonly RotaryEmbedding _rotary;

    public DecoderModel(DecoderConfig config, WeightScope weights, Parameter embedding)
        : base(nameof(DecoderModel))
    {
        Config = config;
        embed_tokens = new Embedding(embedding, config.PaddingId);
        layers = new TorchSharp.Modules.ModuleList<DecoderLayer>([.. Enumerable.Range(0, config.Layers).Select(i => new DecoderLayer(config, weights.At($"layers.{i}"), i))]);
        norm = new RmsNorm(weights.Parameter("norm.weight", config.HiddenSize), config.NormEps);
        _rotary = new RotaryEmbedding(config.Rope);
        RegisterComponents();
    }

    public DecoderConfig Config { get; }

    /// <summary>Gradient checkpointing, layer by layer, while training.</summary>
    public bool UsesCheckpointing { get; set; }

    public override Tensor forward(Tensor inputIds) => Forward(inputIds, null, null, null, null);

    /// <summary>Hidden states (B, T, H) after the final norm.</summary>
    /// <param name="inputIds">(B, T) int64.</param>
    /// <param name="attentionMask">(B, past + T) of 0 and 1, or null.</param>
    /// <param name="positionIds">(B, T), or null: counted from the cache's length on. Without an attention mask, a step other than +1 starts a new document.</param>
    /// <param name="cache">Earlier tokens; T more are appended.</param>
    /// <param name="observe">Sees the input of each layer and, last, the output before the final norm.</param>
    public Tensor Forward(Tensor inputIds, Tensor? attentionMask, Tensor? positionIds, KvCache? cache, Action<Tensor>? observe)
    {
        using var scope = NewDisposeScope();
        int past = cache?.Length ?? 0, tokens = (int)inputIds.shape[1];
        Tensor x = embed_tokens.call(inputIds);
        Tensor? mask = positionIds is not null && attentionMask is null && past == 0 && Documents(positionIds) is { } documents
            ? AttentionMask.Documents(documents, x.dtype)
            : AttentionMask.Causal(attentionMask, past, tokens, x.dtype);
        positionIds ??= arange(past, past + tokens, dtype: ScalarType.Int64).unsqueeze(0);
        (Tensor cos, Tensor sin) = _rotary.Tables(positionIds, x.dtype);
        var context = new AttentionContext(cos, sin, mask, mask is null && tokens > 1, cache);
        Tensor? trigger = UsesCheckpointing && training && is_grad_enabled() ? zeros(0, requires_grad: true) : null;
        foreach (DecoderLayer layer in layers)
        {
            observe?.Invoke(x);
            Tensor next = trigger is null ? layer.call(x, context) : CheckpointFunction.Apply(x, context, layer, trigger);

            // The previous layer's output lives on only where autograd holds it.
            x.Dispose();
            x = next;
        }

        observe?.Invoke(x);
        cache?.Advance(tokens);
        return norm.call(x).MoveToOuterDisposeScope();
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
