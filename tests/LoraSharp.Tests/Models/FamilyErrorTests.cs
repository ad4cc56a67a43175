using System.Text.Json.Nodes;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>What cannot be loaded ends in an error that names the key and the value, before any weight is read.</summary>
public sealed class FamilyErrorTests
{
    [Theory]
    [InlineData("llama-gqa", """{"model_type": "rwkv"}""", "rwkv")]
    [InlineData("llama-gqa", """{"hidden_act": "swash"}""", "swash")]
    [InlineData("llama-gqa", """{"hidden_size": 0}""", "hidden_size")]
    [InlineData("llama-gqa", """{"hidden_size": "32"}""", "hidden_size")]
    [InlineData("llama-gqa", """{"hidden_size": 32.5}""", "32.5")]
    [InlineData("llama-gqa", """{"num_hidden_layers": 1000000000}""", "num_hidden_layers")]
    [InlineData("llama-gqa", """{"num_hidden_layers": 1e300}""", "num_hidden_layers")]
    [InlineData("llama-gqa", """{"num_attention_heads": 5, "head_dim": null}""", "5 attention heads")]
    [InlineData("llama-gqa", """{"num_key_value_heads": 3}""", "num_key_value_heads")]
    [InlineData("llama-gqa", """{"head_dim": 1000000000}""", "head_dim")]
    [InlineData("llama-gqa", """{"head_dim": 7}""", "head_dim")]
    [InlineData("llama-gqa", """{"dtype": "int4"}""", "int4")]
    [InlineData("llama-gqa", """{"rope_parameters": {"rope_type": "spiral"}}""", "spiral")]
    [InlineData("llama-gqa", """{"rope_parameters": {"rope_type": "linear"}}""", "factor")]
    [InlineData("llama-gqa", """{"rope_parameters": {"rope_type": "linear", "factor": 0}}""", "factor")]
    [InlineData("llama-gqa", """{"rope_parameters": [1]}""", "rope_parameters")]
    [InlineData("llama-gqa", """{"layer_types": ["full_attention"]}""", "layer_types")]
    [InlineData("llama-gqa", """{"layer_types": ["full_attention", "chunked_attention"]}""", "chunked_attention")]
    [InlineData("llama-gqa", """{"layer_types": "full_attention"}""", "layer_types")]
    [InlineData("llama-gqa", """{"quantization_config": {"quant_method": "mystery"}}""", "mystery")]
    [InlineData("mistral-window", """{"sliding_window": -1}""", "sliding_window")]
    [InlineData("phi3-longrope-short", """{"rope_parameters": {"rope_type": "longrope", "short_factor": [1], "long_factor": [1]}}""", "short_factor")]
    [InlineData("smollm3", """{"no_rope_layers": [1]}""", "no_rope_layers")]
    [InlineData("gemma3-text", """{"use_bidirectional_attention": true}""", "use_bidirectional_attention")]
    [InlineData("falcon-multi-query", """{"alibi": true}""", "alibi")]
    [InlineData("gpt2", """{"scale_attn_by_inverse_layer_idx": true}""", "scale_attn_by_inverse_layer_idx")]
    [InlineData("opt", """{"layer_norm_elementwise_affine": false}""", "layer_norm_elementwise_affine")]
    [InlineData("mixtral", """{"num_experts_per_tok": 9}""", "num_experts_per_tok")]
    [InlineData("qwen3-moe", """{"decoder_sparse_step": 0}""", "decoder_sparse_step")]
    [InlineData("bert-masked-lm", """{"position_embedding_type": "relative_key"}""", "relative_key")]
    [InlineData("bert-masked-lm", """{"is_decoder": true}""", "is_decoder")]
    [InlineData("deberta-v3-nli", """{"pos_att_type": ["c2c"]}""", "c2c")]
    [InlineData("modernbert-sequence-classification", """{"classifier_pooling": "sum"}""", "sum")]
    [InlineData("t5", """{"feed_forward_proj": "gated-swash"}""", "gated-swash")]
    [InlineData("bart", """{"encoder_layers": -2}""", "encoder_layers")]
    public void A_configuration_that_is_not_supported_is_named(string name, string changes, string named)
    {
        ModelConfig source = ModelConfig.Load(GoldenFolder.ModelFolder(name)!);
        using var folder = new TemporaryFolder();
        var json = (JsonObject)source.Json.DeepClone();
        foreach (var (key, value) in (JsonObject)JsonNode.Parse(changes)!)
        {
            json[key] = value?.DeepClone();
        }

        File.WriteAllText(Path.Combine(folder.Path, "config.json"), json.ToJsonString());
        var load = ModelTask.Of(source.List<string>("architectures")![0]);
        var error = Assert.Throws<ModelFormatException>(() => load(folder.Path, null));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1, 2]")]
    [InlineData("{\"model_type\": \"llama\"")]
    [InlineData("{\"model_type\": \"llama\", \"model_type\": \"gpt2\"}")]
    [InlineData("{\"model_type\": 7}")]
    [InlineData("{}")]
    public void A_malformed_configuration_is_an_error(string text)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "config.json"), text);
        Assert.Throws<ModelFormatException>(() => CausalLM.Load(folder.Path));
    }

    [Fact]
    public void A_family_is_refused_for_a_task_that_it_lacks()
    {
        string bert = GoldenFolder.ModelFolder("bert-masked-lm")!, llama = GoldenFolder.ModelFolder("llama-gqa")!;
        Assert.Contains("'bert'", Assert.Throws<ModelFormatException>(() => CausalLM.Load(bert)).Message, StringComparison.Ordinal);
        Assert.Contains("'llama'", Assert.Throws<ModelFormatException>(() => MaskedLM.Load(llama)).Message, StringComparison.Ordinal);
        Assert.Contains("'llama'", Assert.Throws<ModelFormatException>(() => Seq2SeqLM.Load(llama)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_whose_end_is_unknown_are_refused()
    {
        ModelConfig source = ModelConfig.Load(GoldenFolder.ModelFolder("llama-gqa")!);
        var json = (JsonObject)source.Json.DeepClone();
        json.Remove("pad_token_id");
        using SequenceClassifier model = SequenceClassifier.Create(new ModelConfig(json));
        using Tensor two = ones(2, 4, dtype: ScalarType.Int64), one = ones(1, 4, dtype: ScalarType.Int64);
        Assert.Contains("pad_token_id", Assert.Throws<InvalidOperationException>(() => model.Logits(two)).Message, StringComparison.Ordinal);
        using Tensor logits = model.Logits(one);
        Assert.Equal([1, 2], logits.shape);
    }

    [Fact]
    public void More_tokens_than_learned_positions_are_refused()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("gpt2")!);
        using Tensor ids = ones(1, 41, dtype: ScalarType.Int64);
        Assert.Contains("40", Assert.Throws<ArgumentException>(() => model.Logits(ids)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ids_of_another_shape_or_type_are_refused()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-gqa")!);
        using Tensor flat = ones(4, dtype: ScalarType.Int64), numbers = ones(1, 4);
        Assert.Throws<ArgumentException>(() => model.Logits(flat));
        Assert.Throws<ArgumentException>(() => model.Logits(numbers));
    }
}
