using System.Text;
using System.Text.Json;
using LoraSharp.Quantization;
using LoraSharp.Tests.Golden;
using static LoraSharp.Tests.Quantization.ElementTypeNames;

namespace LoraSharp.Tests.Quantization;

public class Nf4GoldenTests
{
    [Theory]
    [GoldenCases("nf4")]
    public void Golden(string name)
    {
        var c = new GoldenCase("nf4", name);
        var tensors = new TensorFile(c.TensorsPath);
        string operation = c.Parameters.GetProperty("operation").GetString()!;
        QuantizationAssert.InEveryForm(_ =>
        {
            switch (operation)
            {
                case "quantize_4bit":
                    RunQuantize(c, tensors);
                    break;
                case "linear_4bit":
                    RunLinear(c, tensors);
                    break;
                default:
                    Assert.Fail($"{c}: unknown operation {operation}.");
                    break;
            }
        });
    }

    private static void RunQuantize(GoldenCase c, TensorFile tensors)
    {
        c.RequireKnownParameters("operation", "shape", "dtype", "quant_type", "blocksize", "compress_statistics", "quant_storage", "distribution");
        Run(c.Parameters.GetProperty("dtype").GetString()!, new QuantizeAction(c, tensors));
    }

    private static void Quantize<T>(GoldenCase c, TensorFile tensors)
        where T : unmanaged
    {
        bool nested = c.Parameters.GetProperty("compress_statistics").GetBoolean();
        long[] shape = [.. c.Parameters.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())];
        string stateText = c.Expected.GetProperty("quant_state").GetString()!;
        QuantState state = QuantState.Parse(Encoding.UTF8.GetBytes(stateText));
        Assert.Equal(c.Parameters.GetProperty("quant_type").GetString(), state.TypeName);
        Assert.Equal(c.Parameters.GetProperty("blocksize").GetInt32(), state.BlockSize);
        Assert.Equal(shape, state.Shape);
        Assert.Equal(Element<T>.Type, state.ElementType);
        Assert.Equal(stateText, state.ToJson());

        // Quantising gives the expected bytes and statistics.
        T[] a = tensors.Raw<T>("input.A");
        FourBitTensor actual = FourBit.Quantize<T>(a, state.Type, state.BlockSize, nested);
        byte[] packed = tensors.Bytes("expected.packed");
        QuantizationAssert.SameBits<byte>(packed, actual.Packed.Span, "packed");
        QuantizationAssert.SameBits<float>(tensors.Raw<float>("expected.quant_map"), actual.Code.Span, "quant_map");
        QuantState actualState = QuantState.Of(actual, state.ElementType, shape);
        FourBitTensor expected;
        if (nested)
        {
            double tolerance = c.Root.GetProperty("tolerance").GetProperty("statistics_absolute").GetDouble();
            float[] nestedAbsmax = tensors.Raw<float>("expected.nested_absmax");
            float[] nestedMap = tensors.Raw<float>("expected.nested_quant_map");
            QuantizationAssert.SameBits<byte>(tensors.Bytes("expected.absmax"), actual.Nested!.AbsmaxCodes.Span, "absmax");
            QuantizationAssert.SameBits<float>(nestedMap, actual.Nested.NestedCode.Span, "nested_quant_map");
            QuantizationAssert.Close(nestedAbsmax, actual.Nested.NestedAbsmax.Span, tolerance, 0, "nested_absmax");
            Assert.Equal(state.NestedOffset, actualState.NestedOffset, tolerance);
            Assert.Equal((double)state.NestedOffset, c.Expected.GetProperty("nested_offset").GetDouble());
            Assert.Equal(stateText, (actualState with { NestedOffset = state.NestedOffset }).ToJson());
            var statistics = new DoubleQuantization(tensors.Bytes("expected.absmax"), nestedAbsmax, nestedMap, state.NestedOffset, state.NestedBlockSize!.Value);
            expected = new FourBitTensor(state.Type, state.BlockSize, state.Count, packed, statistics, tensors.Raw<float>("expected.quant_map"));
        }
        else
        {
            QuantizationAssert.SameBits<float>(tensors.Raw<float>("expected.absmax"), actual.Absmax.Span, "absmax");
            Assert.Equal(stateText, actualState.ToJson());
            expected = new FourBitTensor(state.Type, state.BlockSize, state.Count, packed, tensors.Raw<float>("expected.absmax"), tensors.Raw<float>("expected.quant_map"));
        }

        // Dequantising the expected data is exact.
        var dequantized = new T[a.Length];
        FourBit.Dequantize(expected, dequantized.AsSpan());
        QuantizationAssert.SameBits<T>(tensors.Raw<T>("expected.dequantized"), dequantized, "dequantized");
    }

    private static void RunLinear(GoldenCase c, TensorFile tensors)
    {
        c.RequireKnownParameters(
            "operation", "in_features", "out_features", "bias", "quant_type", "blocksize", "compress_statistics", "quant_storage", "dtype", "input_dtype", "compute_dtype");
        Run(c.Parameters.GetProperty("compute_dtype").GetString()!, new LinearAction(c, tensors));
    }

    private static void Linear<TCompute>(GoldenCase c, TensorFile tensors)
        where TCompute : unmanaged
    {
        JsonElement p = c.Parameters;
        int rows = p.GetProperty("out_features").GetInt32();
        int columns = p.GetProperty("in_features").GetInt32();
        FourBitType type = p.GetProperty("quant_type").GetString() == "fp4" ? FourBitType.Fp4 : FourBitType.Nf4;
        int blockSize = p.GetProperty("blocksize").GetInt32();
        byte[] packed = tensors.Bytes("input.packed");
        float[] code = tensors.Raw<float>("input.quant_map");
        FourBitTensor weight = p.GetProperty("compress_statistics").GetBoolean()
            ? new FourBitTensor(type, blockSize, (long)rows * columns, packed, Nested(c, tensors), code)
            : new FourBitTensor(type, blockSize, (long)rows * columns, packed, tensors.Raw<float>("input.absmax"), code);

        TCompute[] x = Rounded<TCompute>(tensors.Singles("input.x"));
        TCompute[] bias = p.GetProperty("bias").GetBoolean() ? Rounded<TCompute>(tensors.Singles("input.bias")) : [];
        var y = new TCompute[x.Length / columns * rows];
        FourBit.Multiply<TCompute>(weight, rows, columns, x, bias, y);
        string inputType = p.GetProperty("input_dtype").GetString()!;
        QuantizationAssert.Close(tensors.Singles("expected.output"), RoundedTo(inputType, Widened(y)), c.Absolute, c.Relative, "output");

        // The weight of the backward pass is rounded to its own type first.
        var w32 = new float[rows * columns];
        FourBit.Dequantize(weight, w32.AsSpan());
        float[] w = Widened(Rounded<TCompute>(RoundedTo(p.GetProperty("dtype").GetString()!, w32)));
        float[] g = Widened(Rounded<TCompute>(tensors.Singles("input.grad_output")));
        float[] gradX = new float[x.Length];
        for (int m = 0; m < x.Length / columns; m++)
        {
            for (int k = 0; k < columns; k++)
            {
                double sum = 0;
                for (int n = 0; n < rows; n++)
                {
                    sum += (double)g[(m * rows) + n] * w[(n * columns) + k];
                }

                gradX[(m * columns) + k] = (float)sum;
            }
        }

        QuantizationAssert.Close(
            tensors.Singles("expected.grad_x"), RoundedTo(inputType, Widened(Rounded<TCompute>(gradX))), c.Absolute, c.Relative, "grad_x");
    }

    private static DoubleQuantization Nested(GoldenCase c, TensorFile tensors) => new(
        tensors.Bytes("input.absmax"),
        tensors.Raw<float>("input.nested_absmax"),
        tensors.Raw<float>("input.nested_quant_map"),
        c.Inputs.GetProperty("nested_offset").GetSingle());

    private static float[] RoundedTo(string dtype, float[] values) => dtype switch
    {
        "float32" => values,
        "float16" => Widened(Rounded<Half>(values)),
        "bfloat16" => Widened(Rounded<BFloat16>(values)),
        _ => throw new InvalidDataException($"Unknown dtype {dtype}."),
    };

    private sealed class QuantizeAction(GoldenCase c, TensorFile tensors) : IAction
    {
        public void Run<T>()
            where T : unmanaged => Quantize<T>(c, tensors);
    }

    private sealed class LinearAction(GoldenCase c, TensorFile tensors) : IAction
    {
        public void Run<T>()
            where T : unmanaged => Linear<T>(c, tensors);
    }
}
