// Cancellation is not the subject here.
#pragma warning disable xUnit1051
using System.Text;
using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Quantization;

/// <summary>bitsandbytes checkpoints of every kind, there and back, and damaged ones.</summary>
public sealed class QuantizedCheckpointTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj.weight";
    private readonly string _folder = Directory.CreateTempSubdirectory("lorasharp").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Kinds => ["nf4", "nf4-plain", "fp4", "block-32", "block-4096", "storage-bf16", "storage-fp32", "bf16", "int8", "head", "skip"];

    [Theory, MemberData(nameof(Kinds))]
    public void A_quantised_model_reloads_as_it_was(string kind)
    {
        QuantizationConfig config = kind switch
        {
            "nf4" or "bf16" => QuantizationConfig.Nf4(),
            "nf4-plain" => QuantizationConfig.Nf4(doubleQuant: false),
            "fp4" => QuantizationConfig.Fp4(),
            "block-32" => QuantizationConfig.Nf4(blockSize: 32),
            "block-4096" => QuantizationConfig.Fp4(doubleQuant: false, blockSize: 4096),
            "storage-bf16" => QuantizationConfig.Nf4() with { QuantStorage = ScalarType.BFloat16 },
            "storage-fp32" => QuantizationConfig.Nf4() with { QuantStorage = ScalarType.Float32 },
            "int8" => QuantizationConfig.Int8(4.5),
            "head" => QuantizationConfig.Nf4() with { SkipModules = ["down_proj"] },
            _ => QuantizationConfig.Int8() with { SkipModules = ["lm_head", "model.layers.0"] },
        };
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor ids = tensor(new long[] { 1, 7, 9, 11 }, [1, 4]);
        var options = new LoadOptions { Quantization = config, Dtype = kind == "bf16" ? ScalarType.BFloat16 : null };
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-tiny")!, options);
        model.Save(_folder, quantized: true);
        using CausalLM again = CausalLM.Load(_folder);
        Assert.True(model.Logits(ids).eq(again.Logits(ids)).all().item<bool>());
        Assert.Equal(model.MemoryFootprint(), again.MemoryFootprint());
        Assert.Equal(config.BlockSize, again.Quantization!.BlockSize);
        Assert.Equal(Quantised(model), Quantised(again));
        if (kind is "head" or "skip")
        {
            Assert.Equal(kind == "head", Quantised(model).Contains("lm_head"));
            Assert.DoesNotContain(kind == "head" ? "model.layers.0.mlp.down_proj" : "model.layers.0.mlp.up_proj", Quantised(model));
        }

        string second = Path.Combine(_folder, "second");
        again.Save(second, quantized: true);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "model.safetensors")), File.ReadAllBytes(Path.Combine(second, "model.safetensors")));
        Assert.Equal(File.ReadAllText(Path.Combine(_folder, "config.json")), File.ReadAllText(Path.Combine(second, "config.json")));
    }

    [Fact]
    public void Files_of_one_width_are_not_loaded_in_another()
    {
        using (CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-tiny")!, new LoadOptions { Quantization = QuantizationConfig.Nf4() }))
        {
            model.Save(_folder, quantized: true);
        }

        Assert.Contains("8 bits", Assert.Throws<ArgumentException>(() => CausalLM.Load(_folder, new LoadOptions { Quantization = QuantizationConfig.Int8() })).Message, StringComparison.Ordinal);
        using CausalLM other = CausalLM.Load(_folder, new LoadOptions { Quantization = QuantizationConfig.Fp4(computeType: ScalarType.BFloat16) });
        Assert.Equal(LoraSharp.Quantization.FourBitType.Nf4, other.Quantization!.Type);
        Assert.Equal(ScalarType.BFloat16, other.Quantization.ComputeType);
    }

    [Fact]
    public void A_dense_model_cannot_be_saved_quantised()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-tiny")!);
        Assert.Contains("not quantised", Assert.Throws<InvalidOperationException>(() => model.Save(_folder, quantized: true)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData(".absmax", "is missing")]
    [InlineData(".quant_map", "is missing")]
    [InlineData(".nested_absmax", "is missing")]
    [InlineData(".nested_quant_map", "is missing")]
    [InlineData(".absmax", "bytes of U8 where")]
    [InlineData(".nested_absmax", "bytes of F32 where")]
    [InlineData("", "bytes of U8 where")]
    public void Damaged_4_bit_tensors_are_named(string suffix, string message) =>
        Refused(QuantizationConfig.Nf4(), Query + suffix, message == "is missing" ? null : tensor => tensor.narrow(0, 0, tensor.shape[0] - 1), message);

    [Theory]
    [InlineData("{\"quant_type\": \"nf4\"", "not valid JSON")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [64, 65]}", "[64, 65] in 4 bits")]
    [InlineData("{\"quant_type\": \"fp4\", \"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [64, 64]}", "quant_type is 'fp4'")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 63, \"dtype\": \"float32\", \"shape\": [64, 64]}", "blocksize is 63")]
    [InlineData("{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [64, 64]}", "bytes of U8 where")]
    public void A_corrupt_state_is_named(string json, string message) =>
        Refused(QuantizationConfig.Nf4(), Query + ".quant_state.bitsandbytes__nf4", _ => tensor(Encoding.UTF8.GetBytes(json)), message);

    [Fact]
    public void Damaged_8_bit_tensors_are_named()
    {
        Refused(QuantizationConfig.Int8(), "model.layers.0.self_attn.q_proj.weight_format", _ => tensor((byte)2), "weight_format is not 0");
        Refused(QuantizationConfig.Int8(), "model.layers.0.self_attn.q_proj.SCB", tensor => tensor.narrow(0, 0, 3), "SCB has 12 bytes");
        Refused(QuantizationConfig.Int8(), Query, tensor => tensor.to(ScalarType.Float32), "of F32 where");
    }

    [Theory]
    [InlineData("quant_method", "\"gptq\"", "gptq")]
    [InlineData("bnb_4bit_quant_type", "\"int2\"", "int2")]
    [InlineData("bnb_4bit_quant_storage", "\"float8\"", "float8")]
    [InlineData("bnb_4bit_compute_dtype", "\"int8\"", "ComputeType")]
    [InlineData("load_in_4bit", "false", "load_in_4bit")]
    [InlineData("llm_int8_threshold", "-1", "Int8Threshold")]
    [InlineData("llm_int8_skip_modules", "[\"(\"]", "regular expression")]
    [InlineData("llm_int8_has_fp16_weight", "true", "llm_int8_has_fp16_weight")]
    public void A_setting_that_makes_no_sense_is_named(string key, string value, string message)
    {
        using (CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-tiny")!, new LoadOptions { Quantization = QuantizationConfig.Nf4() }))
        {
            model.Save(_folder, quantized: true);
        }

        string path = Path.Combine(_folder, "config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(path))!;
        config["quantization_config"]![key] = JsonNode.Parse(value);
        File.WriteAllText(path, config.ToJsonString());
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => CausalLM.Load(_folder)).Message, StringComparison.Ordinal);
    }

    private static string[] Quantised(CausalLM model) => [.. model.named_modules().Where(m => m.module is Linear { Weight: not DenseWeight }).Select(m => m.name)];

    private void Refused(QuantizationConfig config, string name, Func<Tensor, Tensor>? damage, string message)
    {
        using var scope = NewDisposeScope();
        using (CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("llama-tiny")!, new LoadOptions { Quantization = config }))
        {
            model.Save(_folder, quantized: true);
        }

        string path = Path.Combine(_folder, "model.safetensors");
        Dictionary<string, Tensor> tensors;
        using (SafeTensorsFile file = SafeTensorsFile.Open(path))
        {
            tensors = file.Tensors.ToDictionary(t => t.Name, t => file.Load(t.Name));
        }

        if (damage is null)
        {
            Assert.True(tensors.Remove(name));
        }
        else
        {
            tensors[name] = damage(tensors[name]);
        }

        SafeTensorsWriter.Write(path, tensors);
        string error = Assert.Throws<ModelFormatException>(() => CausalLM.Load(_folder)).Message;
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Contains("q_proj", error, StringComparison.Ordinal);
    }
}
