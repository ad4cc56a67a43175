using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>One block: x += attention(norm(x)); x += mlp(norm(x)).</summary>
internal sealed class DecoderLayer : nn.Module<Tensor, AttentionContext, Tensor>
{
    private readonly Attention self_attn;
    private readonly nn.Module<Tensor, Tensor> mlp;
    private readonly nn.Module<Tensor, Tensor> input_layernorm;
    private readonly nn.Module<Tensor, Tensor> post_attention_layernorm;

    public DecoderLayer(DecoderConfig config, WeightScope weights, int index)
        : base(nameof(DecoderLayer))
    {
        int hidden = config.HiddenSize, heads = config.Heads * config.HeadDim, kvHeads = config.KvHeads * config.HeadDim;
        WeightScope attention = weights.At("self_attn"), feedForward = weights.At("mlp");
        self_attn = new Attention(
            attention.Linear("q_proj", heads, hidden, config.QkvBias),
            attention.Linear("k_proj", kvHeads, hidden, config.QkvBias),
            attention.Linear("v_proj", kvHeads, hidden, config.QkvBias),
            attention.Linear("o_proj", hidden, heads, config.OutputBias),
            config.HeadDim,
            index,
            Math.Pow(config.HeadDim, -0.5));
        mlp = new GatedMlp(
            feedForward.Linear("gate_proj", config.IntermediateSize, hidden, config.MlpBias),
            feedForward.Linear("up_proj", config.IntermediateSize, hidden, config.MlpBias),
            feedForward.Linear("down_proj", hidden, config.IntermediateSize, config.MlpBias));
        input_layernorm = new RmsNorm(weights.Parameter("input_layernorm.weight", hidden), config.NormEps);
        post_attention_layernorm = new RmsNorm(weights.Parameter("post_attention_layernorm.weight", hidden), config.NormEps);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        Tensor attended = x + self_attn.call(input_layernorm.call(x), context);
        return (attended + mlp.call(post_attention_layernorm.call(attended))).MoveToOuterDisposeScope();
    }
}
