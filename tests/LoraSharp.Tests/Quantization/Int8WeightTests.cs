using System.Text.Json;
using LoraSharp.Layers;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Quantization;

public class Int8WeightTests
{
    /// <summary>A case linear8bitlt of group int8, through the layer and autograd.</summary>
    internal static void Check(GoldenCase golden)
    {
        JsonElement p = golden.Parameters;
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        ScalarType dtype = TestTypes.Of(p.GetProperty("dtype").GetString()!);
        QuantizationConfig config = QuantizationConfig.Int8(p.GetProperty("threshold").GetDouble());
        Parameter? bias = p.GetProperty("bias").GetBoolean() ? new Parameter(tensors["input.bias"], requires_grad: false) : null;
        using var layer = new Linear(Int8Weight.Quantize(tensors["input.weight"], config), bias);
        layer.train(p.GetProperty("training").GetBoolean());
        Tensor x = tensors["input.x"].requires_grad_();
        Tensor y = layer.call(x);
        Assert.Equal(dtype, y.dtype);
        tensors.AssertClose("expected.output", y);
        y.backward([tensors["input.grad_output"]]);
        tensors.AssertClose("expected.grad_x", x.grad!);
    }

    [Fact]
    public void A_weight_follows_its_layer_into_training_and_back()
    {
        using var scope = NewDisposeScope();
        using var layer = new Linear(Int8Weight.Quantize(randn(8, 32), QuantizationConfig.Int8()));
        Assert.True(layer.Weight.InTraining);
        layer.eval();
        Assert.False(layer.Weight.InTraining);
        layer.ReplaceWeight(Int8Weight.Quantize(randn(8, 32), QuantizationConfig.Int8()));
        Assert.False(layer.Weight.InTraining);
    }

    [Fact]
    public void A_copy_keeps_what_assigning_replaces()
    {
        using var scope = NewDisposeScope();
        Tensor weight = randn(16, 64), delta = randn(16, 64) * 0.01;
        Int8Weight held = Int8Weight.Quantize(weight, QuantizationConfig.Int8());
        using LinearWeight copy = held.Clone();
        Tensor before = held.Dequantize(ScalarType.Float32);
        Assert.True((before - weight).abs().max().item<float>() < weight.abs().max().item<float>() / 200);
        held.Assign(before + delta);
        Int8Weight expected = Int8Weight.Quantize(before + delta, QuantizationConfig.Int8());
        Assert.True(expected.Data.Codes.Span.SequenceEqual(held.Data.Codes.Span));
        Assert.True(before.eq(copy.Dequantize(ScalarType.Float32)).all().item<bool>());
        Assert.Equal((16 * 64) + (16 * 4), held.Bytes);
    }

    [Theory]
    [InlineData(null, "lm_head", true, false)]
    [InlineData(null, "model.layers.0.mlp.up_proj", false, true)]
    [InlineData("up_proj", "model.layers.0.mlp.up_proj", false, false)]
    [InlineData("up_proj", "lm_head", true, true)]
    [InlineData("model.layers.1", "model.layers.1.mlp.up_proj", false, false)]
    [InlineData("model.layers.1", "model.layers.10.mlp.up_proj", false, true)]
    [InlineData("model.layers.[01]", "model.layers.0.mlp.up_proj", false, false)]
    [InlineData("layers.1", "model.layers.1.mlp.up_proj", false, true)]
    [InlineData("mlp.up_proj", "model.layers.1.mlp.up_proj", false, false)]
    public void Modules_are_skipped_by_beginning_or_ending(string? entry, string module, bool isHead, bool covered) =>
        Assert.Equal(covered, new QuantizationConfig { SkipModules = entry is null ? null : [entry] }.Covers(module, isHead));

    [Fact]
    public void Settings_are_checked()
    {
        Refused(new() { SkipModules = ["("] }, "regular expression");
        Refused(new() { SkipModules = [""] }, nameof(QuantizationConfig.SkipModules));
        Refused(new() { Int8Threshold = double.NaN }, "Int8Threshold");
        Refused(new() { QuantStorage = ScalarType.Int64 }, "QuantStorage");

        static void Refused(QuantizationConfig config, string what) =>
            Assert.Contains(what, Assert.ThrowsAny<ArgumentException>(config.Validate).Message, StringComparison.Ordinal);
    }
}
