using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Benchmarks.Training;

/// <summary>Sizes of well-known models, to be filled with random weights.</summary>
internal static class ModelShape
{
    private static readonly Dictionary<string, (int Hidden, int Intermediate, int Layers, int Heads, int KvHeads, int Vocabulary, bool Tied)> Shapes = new()
    {
        ["smollm2-135m"] = (576, 1536, 30, 9, 3, 49_152, true),
        ["tinyllama-1.1b"] = (2048, 5632, 22, 32, 4, 32_000, false),
        ["llama-2-7b"] = (4096, 11_008, 32, 32, 32, 32_000, false),
        ["llama-2-13b"] = (5120, 13_824, 40, 40, 40, 32_000, false),
    };

    public static IEnumerable<string> Names => Shapes.Keys;

    public static bool Has(string name) => Shapes.ContainsKey(name);

    /// <summary>The configuration, with fewer layers when asked for.</summary>
    public static ModelConfig Config(string name, int? layers = null)
    {
        var shape = Shapes[name];
        return new ModelConfig(new JsonObject
        {
            ["model_type"] = "llama",
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["hidden_size"] = shape.Hidden,
            ["intermediate_size"] = shape.Intermediate,
            ["num_hidden_layers"] = layers ?? shape.Layers,
            ["num_attention_heads"] = shape.Heads,
            ["num_key_value_heads"] = shape.KvHeads,
            ["vocab_size"] = shape.Vocabulary,
            ["tie_word_embeddings"] = shape.Tied,
            ["max_position_embeddings"] = 4096,
            ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = 10_000.0,
            ["hidden_act"] = "silu",
        });
    }

    /// <summary>Writes a folder with random bf16 weights in shards, a tensor at a time.</summary>
    public static void Write(string name, string folder)
    {
        var shape = Shapes[name];
        long kv = (long)shape.Hidden / shape.Heads * shape.KvHeads;
        var sizes = new List<(string Name, long[] Shape)> { ("model.embed_tokens.weight", [shape.Vocabulary, shape.Hidden]) };
        for (int i = 0; i < shape.Layers; i++)
        {
            string layer = $"model.layers.{i}.";
            sizes.Add((layer + "input_layernorm.weight", [shape.Hidden]));
            sizes.Add((layer + "mlp.down_proj.weight", [shape.Hidden, shape.Intermediate]));
            sizes.Add((layer + "mlp.gate_proj.weight", [shape.Intermediate, shape.Hidden]));
            sizes.Add((layer + "mlp.up_proj.weight", [shape.Intermediate, shape.Hidden]));
            sizes.Add((layer + "post_attention_layernorm.weight", [shape.Hidden]));
            sizes.Add((layer + "self_attn.k_proj.weight", [kv, shape.Hidden]));
            sizes.Add((layer + "self_attn.o_proj.weight", [shape.Hidden, shape.Hidden]));
            sizes.Add((layer + "self_attn.q_proj.weight", [shape.Hidden, shape.Hidden]));
            sizes.Add((layer + "self_attn.v_proj.weight", [kv, shape.Hidden]));
        }

        sizes.Add(("model.norm.weight", [shape.Hidden]));
        if (!shape.Tied)
        {
            sizes.Add(("lm_head.weight", [shape.Vocabulary, shape.Hidden]));
        }

        Directory.CreateDirectory(folder);
        JsonObject config = Config(name).Json;
        config["torch_dtype"] = "bfloat16";
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), ModelConfig.Write(config));
        CheckpointWriter.Write(
            folder, [.. sizes.Select(s => TensorSource.Lazy(s.Name, ScalarType.BFloat16, s.Shape, () => randn(s.Shape, dtype: ScalarType.BFloat16).mul_(0.02)))], 5_000_000_000);
    }
}
