using System.Text.Json.Nodes;
using LoraSharp.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>A family without golden cases: its entry is held to the same model written out in plain tensor operations.</summary>
public class StarCoder2Tests
{
    private const int Hidden = 32, Heads = 4, KvHeads = 2, HeadDim = Hidden / Heads, Layers = 2, Window = 3;

    [Fact]
    public void Logits_are_those_of_the_model_written_out()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using CausalLM model = CausalLM.Create(new ModelConfig(JsonNode.Parse($$"""
            {"model_type": "starcoder2", "vocab_size": 50, "hidden_size": {{Hidden}}, "intermediate_size": 64, "num_hidden_layers": {{Layers}}, "num_attention_heads": {{Heads}},
             "num_key_value_heads": {{KvHeads}}, "rope_theta": 10000.0, "norm_epsilon": 1e-5, "sliding_window": {{Window}}, "initializer_range": 0.3, "max_position_embeddings": 64}
            """)!.AsObject()));
        Dictionary<string, Tensor> weights = model.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        foreach (Tensor bias in weights.Where(w => w.Key.EndsWith("bias", StringComparison.Ordinal)).Select(w => w.Value))
        {
            bias.normal_(0, 0.3);
        }

        Tensor ids = tensor(new long[] { 3, 1, 4, 1, 5, 9, 2 }).unsqueeze(0);
        Tensor expected = WrittenOut(weights, ids);
        Assert.True((model.Logits(ids) - expected).abs().max().item<float>() < 1e-4);
        Assert.True(model.TiesWordEmbeddings);

        using var folder = new TemporaryFolder();
        model.Save(folder.Path);
        using CausalLM again = CausalLM.Load(folder.Path);
        Assert.Equal(0, (again.Logits(ids) - model.Logits(ids)).abs().max().item<float>());
    }

    private static Tensor WrittenOut(Dictionary<string, Tensor> w, Tensor ids)
    {
        long tokens = ids.shape[1];
        Tensor x = w["model.embed_tokens.weight"].index_select(0, ids[0]);
        Tensor frequencies = pow(10_000.0, arange(0, HeadDim, 2).to(ScalarType.Float32) / -HeadDim);
        Tensor angles = arange(tokens).to(ScalarType.Float32).unsqueeze(1) * cat([frequencies, frequencies]);
        Tensor distance = arange(tokens).unsqueeze(1) - arange(tokens).unsqueeze(0);
        Tensor hidden = distance.lt(0).logical_or(distance.ge(Window));
        for (int i = 0; i < Layers; i++)
        {
            string p = $"model.layers.{i}.";
            Tensor h = Norm(x, p + "input_layernorm");
            Tensor q = Rotate(Split(Linear(h, p + "self_attn.q_proj"), Heads)), k = Rotate(Split(Linear(h, p + "self_attn.k_proj"), KvHeads)).repeat_interleave(Heads / KvHeads, 0);
            Tensor v = Split(Linear(h, p + "self_attn.v_proj"), KvHeads).repeat_interleave(Heads / KvHeads, 0);
            Tensor scores = (q.matmul(k.transpose(1, 2)) / Math.Sqrt(HeadDim)).masked_fill(hidden, float.NegativeInfinity);
            x = x + Linear(nn.functional.softmax(scores, -1).matmul(v).transpose(0, 1).reshape(tokens, Hidden), p + "self_attn.o_proj");
            Tensor wide = Linear(Norm(x, p + "post_attention_layernorm"), p + "mlp.c_fc");
            Tensor gelu = wide * 0.5 * (1 + ((wide + wide.pow(3) * 0.044715) * Math.Sqrt(2 / Math.PI)).tanh());
            x = x + Linear(gelu, p + "mlp.c_proj");
        }

        return Norm(x, "model.norm").matmul(w["model.embed_tokens.weight"].t()).unsqueeze(0);

        Tensor Linear(Tensor input, string name) => nn.functional.linear(input, w[name + ".weight"], w[name + ".bias"]);
        Tensor Norm(Tensor input, string name) => nn.functional.layer_norm(input, [Hidden], w[name + ".weight"], w[name + ".bias"], 1e-5);
        Tensor Split(Tensor input, int heads) => input.view(tokens, heads, HeadDim).transpose(0, 1);
        Tensor Rotate(Tensor input) => (input * angles.cos()) + (cat([input.narrow(-1, HeadDim / 2, HeadDim / 2).neg(), input.narrow(-1, 0, HeadDim / 2)], -1) * angles.sin());
    }
}
