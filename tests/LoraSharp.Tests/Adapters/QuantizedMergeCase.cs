using System.Text.Json;
using LoraSharp.Adapters;
using LoraSharp.Interop;
using LoraSharp.Layers;
using LoraSharp.Quantization;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

/// <summary>Merging into one 4-bit layer, and out of it again.</summary>
internal sealed class QuantizedMergeCase(GoldenCase golden, GoldenTensors tensors)
{
    private const double ThresholdMargin = 1e-6;
    private readonly JsonElement _parameters = golden.Parameters;

    public void Run()
    {
        JsonElement weight = _parameters.GetProperty("weight");
        var config = new QuantizationConfig
        {
            Type = weight.GetProperty("quant_type").GetString() == "fp4" ? FourBitType.Fp4 : FourBitType.Nf4,
            BlockSize = weight.GetProperty("blocksize").GetInt32(),
            DoubleQuant = weight.GetProperty("nested").GetBoolean(),
            ComputeType = TestTypes.Of(_parameters.GetProperty("compute_dtype").GetString()!),
        };
        long[] shape = [.. weight.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())];
        FourBitWeight state = Weight("input.weight", weight, config, shape);
        tensors.AssertClose("input.weight.dequantized", state.Dequantize(state.Dtype));
        Parameter? bias = tensors.Find("input.bias") is { } given ? new Parameter(given, requires_grad: false) : null;
        Assert.Equal(_parameters.GetProperty("bias").GetBoolean(), bias is not null);
        var linear = new LoraSharp.Layers.Linear(state, bias);
        using nn.Module<Tensor, Tensor> model = nn.Sequential(("layer", linear));
        model.LoadAdapter(Path.Combine(golden.Folder, "adapter"));
        TunedLayer layer = AdapterSet.Of(model).Layers.Single().Layer;
        Tensor x = tensors["input.x"];
        tensors.AssertClose("expected.output", model.call(x));
        bool safe = _parameters.GetProperty("safe_merge").GetBoolean();

        // By default the bytes come back as they were.
        byte[] before = state.Data.Packed.ToArray();
        model.MergeAdapter(safe);
        model.UnmergeAdapter();
        Assert.Equal(before, ((FourBitWeight)linear.Weight).Data.Packed.ToArray());
        tensors.AssertClose("expected.output", model.call(x));

        Tensor original = layer.Base.Weight(layer.Base.Dtype);
        Tensor sum = layer["default"].Merge(original, original, layer.Base, roundUpdate: false);
        Assert.Equal(tensors["expected.sum_before_quantisation"].dtype, sum.dtype);
        AssertSum("expected.sum_before_quantisation", sum);
        model.MergeAdapter(safe, keepOriginal: false);
        Continue(linear, "merged", sum, config, shape);
        tensors.AssertClose("expected.merged_output", model.call(x));

        Tensor rest = layer["default"].Unmerge(layer.Base.Weight(layer.Base.Dtype), layer.Base);
        model.UnmergeAdapter();
        Continue(linear, "unmerged", rest, config, shape);
    }

    // Compares a weight with the expected one and puts the expected bytes into its place, as one other code would shift all that follows.
    private void Continue(LoraSharp.Layers.Linear linear, string tag, Tensor sum, QuantizationConfig config, long[] shape)
    {
        JsonElement state = golden.Expected.GetProperty(tag);
        var actual = (FourBitWeight)linear.Weight;
        Assert.Equal(TestTypes.Of(state.GetProperty("dtype").GetString()!), actual.Dtype);
        FourBitWeight expected = Weight($"expected.{tag}", state, config, shape);
        byte[] theirs = Codes(expected), ours = Codes(actual);
        float[] sums = [.. TensorMemory.Span<float>(sum.to(ScalarType.Float32).contiguous())];
        float[] thresholds = Thresholds(actual.Data.Code.Span);
        for (int i = 0; i < theirs.Length; i++)
        {
            if (theirs[i] != ours[i])
            {
                float scaled = sums[i] / Absmax(sums, i, config.BlockSize);
                Assert.True(thresholds.Min(t => Math.Abs(t - scaled)) <= ThresholdMargin, $"{tag}: code {i} is {ours[i]} instead of {theirs[i]} although {scaled:R} is far from every threshold");
            }
        }

        if (expected.Data.Nested is { } nested)
        {
            Assert.Equal(nested.AbsmaxCodes.ToArray(), actual.Data.Nested!.AbsmaxCodes.ToArray());
            Close($"{tag}: nested absmax", nested.NestedAbsmax.ToArray(), actual.Data.Nested.NestedAbsmax.ToArray());
            Assert.Equal(nested.Offset, actual.Data.Nested.Offset, golden.Absolute);
        }
        else
        {
            Close($"{tag}: absmax", expected.Data.Absmax.ToArray(), actual.Data.Absmax.ToArray());
        }

        if (linear.Bias is { } bias)
        {
            if (tensors.Has($"expected.{tag}.bias"))
            {
                tensors.AssertClose($"expected.{tag}.bias", bias);
            }
        }

        linear.ReplaceWeight(expected);
        tensors.AssertClose($"expected.{tag}.dequantized", expected.Dequantize(expected.Dtype));
    }

    private FourBitWeight Weight(string prefix, JsonElement state, QuantizationConfig config, long[] shape)
    {
        long count = shape[0] * shape[1];
        byte[] packed = [.. TensorMemory.Span<byte>(tensors[prefix + ".packed"].contiguous())];
        FourBitTensor data = config.DoubleQuant
            ? new FourBitTensor(config.Type, config.BlockSize, count, packed, new DoubleQuantization(
                TensorMemory.Span<byte>(tensors[prefix + ".absmax"]).ToArray(),
                Floats(prefix + ".nested_absmax"),
                Floats(prefix + ".nested_quant_map"),
                state.GetProperty("nested_offset").GetSingle(),
                state.GetProperty("nested_blocksize").GetInt32()))
            : new FourBitTensor(config.Type, config.BlockSize, count, packed, Floats(prefix + ".absmax"));
        return new FourBitWeight(data, shape[0], shape[1], TestTypes.Of(state.GetProperty("dtype").GetString()!), config);
    }

    private float[] Floats(string name) => [.. TensorMemory.Span<float>(tensors[name].contiguous())];

    // A sum in half precision may differ by a unit in the last place.
    private void AssertSum(string name, Tensor sum)
    {
        double relative = sum.dtype switch { ScalarType.BFloat16 => 1.0 / 128, ScalarType.Float16 => 1.0 / 1024, _ => golden.Relative };
        GoldenTensors.AssertClose(name, tensors[name], sum, golden.Absolute, relative);
    }

    private void Close(string what, float[] expected, float[] actual) => GoldenTensors.AssertClose(what, tensor(expected), tensor(actual), golden.Absolute, golden.Relative);

    private static byte[] Codes(FourBitWeight weight) => [.. weight.Data.Packed.ToArray().SelectMany(b => new[] { (byte)(b >> 4), (byte)(b & 15) }).Take((int)weight.Data.Count)];

    private static float[] Thresholds(ReadOnlySpan<float> code)
    {
        float[] sorted = [.. code.ToArray().Order()];
        return [.. sorted.Zip(sorted.Skip(1), (a, b) => (a + b) / 2)];
    }

    private static float Absmax(float[] values, int index, int blockSize)
    {
        int start = index / blockSize * blockSize;
        return values.Skip(start).Take(blockSize).Max(Math.Abs);
    }
}
