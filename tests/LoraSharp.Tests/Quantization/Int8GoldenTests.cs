using System.Text.Json;
using LoraSharp.Quantization;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.Quantization;

public class Int8GoldenTests
{
    [Theory]
    [GoldenCases("int8")]
    public void Golden(string name)
    {
        var c = new GoldenCase("int8", name);
        var tensors = new TensorFile(c.TensorsPath);
        JsonElement p = c.Parameters;
        switch (p.GetProperty("operation").GetString())
        {
            case "create_dynamic_map":
                c.RequireKnownParameters("operation", "signed", "max_exponent_bits", "total_bits");
                DynamicMap map = DynamicMap.Create(p.GetProperty("signed").GetBoolean(), p.GetProperty("max_exponent_bits").GetInt32(), p.GetProperty("total_bits").GetInt32());
                QuantizationAssert.SameBits<float>(tensors.Raw<float>("expected.map"), map.Values.Span, "map");
                break;
            case "quantize_blockwise":
                c.RequireKnownParameters("operation", "shape", "dtype", "signed", "blocksize", "nested", "distribution");
                Assert.False(p.GetProperty("nested").GetBoolean());
                QuantizationAssert.InEveryForm(_ => ElementTypeNames.Run(p.GetProperty("dtype").GetString()!, new Blockwise(c, tensors)));
                break;
            case "int8_vectorwise_quant":
                c.RequireKnownParameters("operation", "shape", "dtype", "threshold");
                QuantizationAssert.InEveryForm(_ => ElementTypeNames.Run(p.GetProperty("dtype").GetString()!, new Vectorwise(c, tensors)));
                break;
            case "linear8bitlt":
                c.RequireKnownParameters("operation", "in_features", "out_features", "bias", "threshold", "has_fp16_weights", "dtype", "training", "algorithm");
                Assert.False(p.GetProperty("has_fp16_weights").GetBoolean());
                QuantizationAssert.InEveryForm(_ => ElementTypeNames.Run(p.GetProperty("dtype").GetString()!, new Linear(c, tensors)));
                Int8WeightTests.Check(c);
                break;
            case string other:
                Assert.Fail($"{c}: unknown operation {other}.");
                break;
        }
    }

    private static int[] OutlierColumns(GoldenCase c) => [.. c.Expected.GetProperty("outlier_cols").EnumerateArray().Select(v => v.GetInt32())];

    private sealed class Blockwise(GoldenCase c, TensorFile tensors) : ElementTypeNames.IAction
    {
        public void Run<T>()
            where T : unmanaged
        {
            DynamicMap map = c.Parameters.GetProperty("signed").GetBoolean() ? DynamicMap.Signed : DynamicMap.Unsigned;
            QuantizationAssert.SameBits<float>(tensors.Raw<float>("input.code"), map.Values.Span, "code");
            int blockSize = c.Parameters.GetProperty("blocksize").GetInt32();
            T[] a = tensors.Raw<T>("input.A");
            var codes = new byte[a.Length];
            var absmax = new float[Blockwise8Bit.BlockCount(a.Length, blockSize)];
            Blockwise8Bit.Quantize<T>(a, map, blockSize, codes, absmax);
            QuantizationAssert.SameBits<byte>(tensors.Bytes("expected.quantized"), codes, "quantized");
            QuantizationAssert.SameBits<float>(tensors.Raw<float>("expected.absmax"), absmax, "absmax");
            var dequantized = new T[a.Length];
            Blockwise8Bit.Dequantize<T>(codes, map, blockSize, absmax, dequantized);
            QuantizationAssert.SameBits<T>(tensors.Raw<T>("expected.dequantized"), dequantized, "dequantized");
        }
    }

    private sealed class Vectorwise(GoldenCase c, TensorFile tensors) : ElementTypeNames.IAction
    {
        public void Run<T>()
            where T : unmanaged
        {
            T[] a = tensors.Raw<T>("input.A");
            int columns = (int)tensors.Shape("input.A")[1];
            var codes = new sbyte[a.Length];
            var stats = new float[a.Length / columns];
            int[] outliers = Int8.QuantizeRows<T>(a, columns, c.Parameters.GetProperty("threshold").GetSingle(), codes, stats);
            Assert.Equal(OutlierColumns(c), outliers);
            QuantizationAssert.SameBits<sbyte>(tensors.Raw<sbyte>("expected.quantized"), codes, "quantized");
            QuantizationAssert.SameBits<float>(tensors.Raw<float>("expected.row_stats"), stats, "row_stats");
        }
    }

    private sealed class Linear(GoldenCase c, TensorFile tensors) : ElementTypeNames.IAction
    {
        public void Run<T>()
            where T : unmanaged
        {
            JsonElement p = c.Parameters;
            int rows = p.GetProperty("out_features").GetInt32();
            int columns = p.GetProperty("in_features").GetInt32();
            Int8Matrix weight = Int8Matrix.Quantize<float>(tensors.Raw<float>("input.weight"), rows, columns);
            QuantizationAssert.SameBits<sbyte>(tensors.Raw<sbyte>("expected.CB"), weight.Codes.Span, "CB");
            QuantizationAssert.SameBits<float>(tensors.Raw<float>("expected.SCB"), weight.Scales.Span, "SCB");

            T[] x = tensors.Raw<T>("input.x");
            T[] bias = p.GetProperty("bias").GetBoolean() ? tensors.Raw<T>("input.bias") : [];
            var dense = new T[rows * columns];
            weight.Dequantize<T>(0, dense);
            float[] y;
            if (p.GetProperty("training").GetBoolean())
            {
                // The dequantised weight times x; no integers.
                Assert.Equal("MatMul8bitFp", p.GetProperty("algorithm").GetString());
                y = Product(ElementTypeNames.Widened(x), ElementTypeNames.Widened(dense), columns, rows, transposed: true);
                y = [.. y.Select((sum, i) => bias.Length == 0 ? sum : sum + Element<T>.ToSingle(bias[i % rows]))];
                y = ElementTypeNames.Widened(ElementTypeNames.Rounded<T>(y));
            }
            else
            {
                Assert.Equal("MatMul8bitLt", p.GetProperty("algorithm").GetString());
                var output = new T[x.Length / columns * rows];
                int[] outliers = weight.Multiply<T>(x, p.GetProperty("threshold").GetSingle(), bias, output);
                Assert.Equal(OutlierColumns(c), outliers);
                y = ElementTypeNames.Widened(output);
            }

            QuantizationAssert.Close(tensors.Singles("expected.output"), y, c.Absolute, c.Relative, "output");
            float[] gradX = Product(tensors.Singles("input.grad_output"), ElementTypeNames.Widened(dense), rows, columns, transposed: false);
            QuantizationAssert.Close(
                tensors.Singles("expected.grad_x"), ElementTypeNames.Widened(ElementTypeNames.Rounded<T>(gradX)), c.Absolute, c.Relative, "grad_x");
        }

        /// <summary>a · b, or a · bᵀ; a has <paramref name="inner"/> columns.</summary>
        private static float[] Product(float[] a, float[] b, int inner, int outer, bool transposed)
        {
            var result = new float[a.Length / inner * outer];
            for (int i = 0; i < result.Length; i++)
            {
                double sum = 0;
                for (int k = 0; k < inner; k++)
                {
                    sum += (double)a[(i / outer * inner) + k] * b[transposed ? (i % outer * inner) + k : (k * outer) + (i % outer)];
                }

                result[i] = (float)sum;
            }

            return result;
        }
    }
}
