// Cancellation is not the subject here.
#pragma warning disable xUnit1051
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Quantization;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Quantization;

/// <summary>Group bnb-model: whole models that bitsandbytes quantised, read, run and written; and quantised here from the dense weights.</summary>
public sealed class BnbModelGoldenTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lorasharp").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, GoldenCases("bnb-model")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("bnb-model", name);
        golden.RequireKnownParameters("torch_dtype", "quantization_config");
        QuantizationAssert.InEveryForm(form => Check(golden, Path.Combine(_folder, form.ToString())));
    }

    private static void Check(GoldenCase golden, string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var tensors = new GoldenTensors(golden);
        string quantized = Path.Combine(golden.Folder, "quantized");
        ScalarType dtype = TestTypes.Of(golden.Parameters.GetProperty("torch_dtype").GetString()!);
        long[][] ids = [.. golden.Inputs.GetProperty("input_ids").EnumerateArray().Select(row => row.EnumerateArray().Select(id => id.GetInt64()).ToArray())];
        Tensor input = tensor([.. ids.SelectMany(row => row)], [ids.Length, ids[0].Length]);

        // What bitsandbytes wrote, read and run.
        using CausalLM loaded = CausalLM.Load(quantized);
        Assert.Equal(dtype, loaded.Dtype);
        CheckWeights(golden, tensors, loaded);
        tensors.AssertClose("expected.logits", loaded.Logits(input));

        // Written again: the same tensors, byte for byte.
        string again = Path.Combine(folder, "again");
        loaded.Save(again, quantized: true);
        Assert.Equal(golden.Expected.GetProperty("files").EnumerateArray().Select(f => f.GetString()), Directory.GetFiles(again).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        CheckFiles(golden, quantized, again, tolerant: false);

        // Quantised here from the dense model, and written.
        using CausalLM own = CausalLM.Load(golden.ModelFolder(), new LoadOptions { Dtype = dtype, Quantization = Config(golden, quantized) });
        tensors.AssertClose("expected.logits", own.Logits(input));
        string written = Path.Combine(folder, "own");
        own.Save(written, quantized: true);
        CheckFiles(golden, quantized, written, tolerant: true);
        using CausalLM reloaded = CausalLM.Load(written);
        tensors.AssertClose("expected.logits", reloaded.Logits(input));
    }

    private static void CheckWeights(GoldenCase golden, GoldenTensors tensors, CausalLM model)
    {
        Dictionary<string, Linear> layers = model.named_modules().Where(m => m.module is Linear { Weight: FourBitWeight or Int8Weight }).ToDictionary(m => m.name, m => (Linear)m.module);
        Assert.Equal(golden.Expected.GetProperty("quantized_modules").EnumerateArray().Select(m => m.GetString()).Order(StringComparer.Ordinal), layers.Keys.Order(StringComparer.Ordinal));
        foreach ((string name, Linear layer) in layers)
        {
            Tensor expected = tensors[$"expected.dequantized.{name}"];
            Assert.True(expected.eq(layer.Weight.Dequantize(ScalarType.Float32)).all().item<bool>(), name);
        }
    }

    private static void CheckFiles(GoldenCase golden, string expectedFolder, string folder, bool tolerant)
    {
        using Checkpoint expected = Checkpoint.Open(expectedFolder), actual = Checkpoint.Open(folder);
        Assert.Equal(expected.Names.Order(StringComparer.Ordinal), actual.Names.Order(StringComparer.Ordinal));
        foreach (string name in expected.Names)
        {
            Assert.Equal(expected.Entry(name).Dtype, actual.Entry(name).Dtype);
            Assert.Equal(expected.Entry(name).Shape, actual.Entry(name).Shape);
            if (tolerant && name.Contains(".quant_state.", StringComparison.Ordinal))
            {
                QuantState left = QuantState.Parse(expected.Bytes(name)), right = QuantState.Parse(actual.Bytes(name));
                Assert.Equal(left.NestedOffset, right.NestedOffset, 4 * (MathF.BitIncrement(left.NestedOffset) - left.NestedOffset));
                Assert.Equal(left with { NestedOffset = 0, Shape = [] }, right with { NestedOffset = 0, Shape = [] });
                Assert.Equal(left.Shape, right.Shape);
            }
            else if (tolerant && name.EndsWith(".nested_absmax", StringComparison.Ordinal))
            {
                GoldenTensors.AssertClose(name, expected.Load(name), actual.Load(name), 4 * 1.2e-7, 0);
            }
            else
            {
                Assert.True(expected.Bytes(name).SequenceEqual(actual.Bytes(name)), name);
            }
        }

        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        JsonNode wanted = JsonNode.Parse(golden.Expected.GetProperty("quantization_config").GetRawText())!;
        Assert.True(JsonNode.DeepEquals(wanted, config["quantization_config"]), config["quantization_config"]?.ToJsonString());
        if (!tolerant)
        {
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(File.ReadAllText(Path.Combine(expectedFolder, "config.json"))), config));
        }
    }

    // From the arguments alone; the block size is in the tensors only.
    private static QuantizationConfig Config(GoldenCase golden, string quantized)
    {
        using CausalLM model = CausalLM.Load(quantized);
        var config = new QuantizationConfig { Type = FourBitType.Fp4, DoubleQuant = false, ComputeType = ScalarType.Float32, BlockSize = model.Quantization!.BlockSize };
        foreach (JsonProperty entry in golden.Parameters.GetProperty("quantization_config").EnumerateObject())
        {
            JsonElement value = entry.Value;
            config = entry.Name switch
            {
                "load_in_4bit" => value.GetBoolean() ? config with { LoadIn8bit = false } : config,
                "load_in_8bit" => value.GetBoolean() ? config with { LoadIn8bit = true } : config,
                "bnb_4bit_quant_type" => config with { Type = value.GetString() == "nf4" ? FourBitType.Nf4 : FourBitType.Fp4 },
                "bnb_4bit_use_double_quant" => config with { DoubleQuant = value.GetBoolean() },
                "bnb_4bit_compute_dtype" => config with { ComputeType = TestTypes.Of(value.GetString()!) },
                "bnb_4bit_quant_storage" => config with { QuantStorage = value.GetString() switch { "uint8" => ScalarType.Byte, "int8" => ScalarType.Int8, var other => TestTypes.Of(other!) } },
                "llm_int8_threshold" => config with { Int8Threshold = value.GetDouble() },
                "llm_int8_skip_modules" => config with { SkipModules = value.Deserialize<string[]?>() },
                _ => throw new NotSupportedException($"The runner does not know the setting {entry.Name}."),
            };
        }

        return config;
    }
}
