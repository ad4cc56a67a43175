using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>LoRA on an embedding: W + s · (B·A)ᵀ, A (r, vocabulary), B (dim, r). DoRA takes the norm of each dimension over the vocabulary.</summary>
internal sealed class LoraEmbedding : LoraLayer
{
    public LoraEmbedding(BaseLayer layer, LoraSettings settings)
        : base(nameof(LoraEmbedding), settings, [settings.R, layer.Shape[0]], [layer.Shape[1], settings.R], layer.Shape[1], settings.UsesDora ? [layer.Shape[1]] : null)
    {
    }

    protected override (string A, string B) Keys => ("lora_embedding_A", "lora_embedding_B");

    public override Tensor Flatten(Tensor delta) => delta.t();

    protected override Tensor Product(BaseLayer layer) => B.matmul(A).t();

    protected override Tensor Branch(Tensor x, BaseLayer layer) => layer.Operate(x, A.t(), null).matmul(B.t());

    protected override Tensor Norm(Tensor weight) => weight.norm(0, keepdim: true);

    protected override Tensor ForOutput(Tensor factor) => factor.view(-1);
}
