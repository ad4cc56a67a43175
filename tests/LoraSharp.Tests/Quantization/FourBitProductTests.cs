using LoraSharp.Layers;
using LoraSharp.Quantization;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Quantization;

/// <summary>Every path of a product with a 4-bit weight gives the same numbers, forward and backward.</summary>
public class FourBitProductTests
{
    public static TheoryData<string, int, int, int, bool> Shapes()
    {
        var data = new TheoryData<string, int, int, int, bool>();
        foreach (string type in (string[])["float32", "bfloat16", "float16"])
        {
            data.Add(type, 1, 96, 128, true);
            data.Add(type, 5, 33, 80, false);
            data.Add(type, 70, 128, 256, true);

            // Several panels each way: a panel of float32 holds a million elements.
            data.Add(type, 3, 1100, 2112, true);
            data.Add(type, 3, 2101, 1070, false);
        }

        return data;
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Paths_agree(string type, int rows, int outFeatures, int inFeatures, bool doubleQuant)
    {
        using var scope = NewDisposeScope();
        manual_seed(rows + outFeatures);
        ScalarType dtype = TestTypes.Of(type);
        QuantizationConfig config = doubleQuant ? QuantizationConfig.Nf4() : QuantizationConfig.Fp4(doubleQuant: false);
        using var layer = new Linear(
            FourBitWeight.Quantize(randn(outFeatures, inFeatures) * 0.05, config), doubleQuant ? new Parameter(randn(outFeatures).to(dtype), requires_grad: false) : null);
        Tensor x = randn(2, rows, inFeatures).to(dtype), grad = randn(2, rows, outFeatures).to(dtype);

        // One rounding of each result, and other orders of summation in float32.
        double relative = dtype switch { ScalarType.BFloat16 => 1.0 / 128, ScalarType.Float16 => 1.0 / 1024, _ => 2e-6 };
        (Tensor y, Tensor gradX) = Run(FourBitPath.Whole);
        foreach (FourBitPath path in (FourBitPath[])[FourBitPath.Fused, FourBitPath.Panel])
        {
            (Tensor otherY, Tensor otherGrad) = Run(path);
            GoldenTensors.AssertClose($"{path}, output", y, otherY, relative * Scale(y), relative);
            GoldenTensors.AssertClose($"{path}, gradient", gradX, otherGrad, relative * Scale(gradX), relative);
        }

        (Tensor, Tensor) Run(FourBitPath path)
        {
            FourBitProduct.Forced = path;
            try
            {
                Tensor input = x.clone().requires_grad_();
                Tensor output = layer.call(input);
                output.backward([grad]);
                Assert.Equal(dtype, output.dtype);
                return (output.detach(), input.grad!);
            }
            finally
            {
                FourBitProduct.Forced = null;
            }
        }

        static double Scale(Tensor tensor) => tensor.to(ScalarType.Float64).pow(2).mean().sqrt().item<double>();
    }

    [Theory]
    [InlineData("bfloat16", "float32")]
    [InlineData("float32", "bfloat16")]
    [InlineData("float16", "bfloat16")]
    public void The_backward_weight_is_rounded_to_its_own_type_first(string weightType, string computeType)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        ScalarType own = TestTypes.Of(weightType), compute = TestTypes.Of(computeType);
        FourBitWeight weight = FourBitWeight.Quantize(randn(48, 64).to(own), QuantizationConfig.Nf4(computeType: compute));

        // One row of the identity at a time shows the weight itself.
        Tensor seen = weight.BackwardInput(eye(48));
        Tensor expected = weight.Dequantize(ScalarType.Float32);
        expected = (own == ScalarType.Float32 ? expected : expected.to(own)).to(compute).to(ScalarType.Float32);
        Assert.True(expected.eq(seen).all().item<bool>());
        Tensor forward = weight.Forward(eye(64), null).t();
        Assert.True(weight.Dequantize(compute).to(ScalarType.Float32).eq(forward).all().item<bool>());
    }

    [Fact]
    public void A_type_that_the_kernels_do_not_know_takes_the_plain_path()
    {
        using var scope = NewDisposeScope();
        FourBitWeight weight = FourBitWeight.Quantize(randn(32, 64), QuantizationConfig.Nf4());
        Tensor x = randn(3, 64, dtype: ScalarType.Float64);
        Tensor dense = weight.Dequantize(ScalarType.Float64);
        GoldenTensors.AssertClose("output", x.matmul(dense.t()), weight.Forward(x, null), 1e-12, 1e-12);
        GoldenTensors.AssertClose("gradient", x.matmul(dense.t()).matmul(dense), weight.BackwardInput(x.matmul(dense.t())), 1e-12, 1e-12);
    }

    [Fact]
    public void Rectangles_are_those_of_the_whole_and_are_checked()
    {
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, 37 * 90).Select(_ => random.NextSingle() - 0.5f)];
        FourBitTensor tensor = FourBit.Quantize<float>(values, doubleQuantization: true);
        var all = new float[values.Length];
        FourBit.Dequantize<float>(tensor, all);
        foreach ((int row, int column, int rows, int columns) in ((int, int, int, int)[])[(0, 0, 37, 90), (3, 1, 5, 17), (0, 64, 37, 26), (36, 89, 1, 1), (10, 32, 27, 33)])
        {
            var part = new float[rows * columns];
            FourBit.Dequantize<float>(tensor, (row * 90) + column, 90, columns, part);
            for (int i = 0; i < part.Length; i++)
            {
                Assert.Equal(all[((row + (i / columns)) * 90) + column + (i % columns)], part[i]);
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize<float>(tensor, 80, 90, 20, new float[20]));
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize<float>(tensor, 36 * 90, 90, 20, new float[40]));
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize<float>(tensor, -90, 90, 20, new float[20]));
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize<float>(tensor, 0, 10, 20, new float[20]));
        Assert.Throws<ArgumentException>(() => FourBit.Dequantize<float>(tensor, 0, 90, 20, new float[21]));
    }
}
