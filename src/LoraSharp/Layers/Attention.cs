using LoraSharp.Interop;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Multi-head attention with grouped keys and values (Ainslie et al. 2023) and rotary positions.</summary>
internal sealed class Attention : nn.Module<Tensor, AttentionContext, Tensor>
{
    // The fields' types allow an adapter to take the place of a layer.
    private readonly nn.Module<Tensor, Tensor> q_proj;
    private readonly nn.Module<Tensor, Tensor> k_proj;
    private readonly nn.Module<Tensor, Tensor> v_proj;
    private readonly nn.Module<Tensor, Tensor> o_proj;
    private readonly int _headDim;
    private readonly int _layer;
    private readonly double _scale;

    public Attention(Linear query, Linear key, Linear value, Linear output, int headDim, int layer, double scale)
        : base(nameof(Attention))
    {
        q_proj = query;
        k_proj = key;
        v_proj = value;
        o_proj = output;
        _headDim = headDim;
        _layer = layer;
        _scale = scale;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        Tensor query = RotaryEmbedding.Apply(Heads(q_proj.call(x)), context.Cos, context.Sin);
        Tensor key = RotaryEmbedding.Apply(Heads(k_proj.call(x)), context.Cos, context.Sin);
        Tensor value = Heads(v_proj.call(x));
        if (context.Cache is { } cache)
        {
            (key, value) = cache.Append(_layer, key, value);
        }

        Tensor mixed = TorchOperators.ScaledDotProductAttention(query, key, value, context.Mask, context.IsCausal, _scale);
        return o_proj.call(mixed.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1)).MoveToOuterDisposeScope();
    }

    // (B, T, heads·headDim) → (B, heads, T, headDim)
    private Tensor Heads(Tensor x) => x.view(x.shape[0], x.shape[1], -1, _headDim).transpose(1, 2);
}
