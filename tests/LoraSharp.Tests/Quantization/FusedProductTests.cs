using System.Runtime.InteropServices;
using FsCheck.Xunit;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

/// <summary>
/// How near a product with a 4-bit weight is to the exact one, in every form. The bound, for a row of W with scales s and a row of x whose largest element is M:
/// u · Σ|w·x| (u is half a unit in the last place of the type, for rounding the weights) + 2⁻¹⁵ · Σ s·|x| (weights as 16-bit integers) + 2⁻¹⁰ · max s · (Σ|x| − M) (x as integers)
/// + 2⁻²⁴ · (columns / 4 + 8) · Σ|w·x| (sums, the scalar form's being the longest). A product in single precision may use the last term only.
/// </summary>
public unsafe class FusedProductTests
{
    private static readonly string[] Patterns = ["normal", "one huge", "huge at a zero weight", "wide", "denormal", "zeros", "one alone", "equal", "heavy"];

    [Property(MaxTest = 80)]
    public void Products_are_within_their_bound(int seed, byte shape, byte block, byte pattern, bool nested, bool fp4)
    {
        var random = new Random(seed);
        int blockSize = 32 << (block % 8);
        int columns = (shape % 4) switch { 0 => blockSize * random.Next(1, 4), 1 => 64 * random.Next(1, 12), 2 => 2 * random.Next(1, 300), _ => random.Next(1, 700) };
        var weight = new Weight(random, 1 + (2 * random.Next(4)), columns, blockSize, fp4 ? FourBitType.Fp4 : FourBitType.Nf4, nested);
        int batch = random.Next(1, 10);
        float[] x = X(random, Patterns[pattern % Patterns.Length], weight, batch);
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            Check(weight, type, Rounded(x, type), batch, Patterns[pattern % Patterns.Length]);
        }
    }

    [Theory]
    [InlineData(FourBitType.Nf4)]
    [InlineData(FourBitType.Fp4)]
    public void No_sum_overflows_and_no_weight_is_lost(FourBitType fourBit)
    {
        // Every weight is the largest value, of x's sign, and every element of x rounds up to the largest integer.
        const int Columns = 4096;
        float[] signs = [.. Enumerable.Range(0, Columns).Select(k => k % 3 == 0 ? -1f : 1f)];
        FourBitTensor tensor = FourBit.Quantize<float>(signs, fourBit);
        foreach (float magnitude in (float[])[1.99999988f, 1f, 1.9921875f, 1e-20f])
        {
            float[] x = [.. signs.Select(s => s * magnitude)];
            QuantizationAssert.InEveryForm(form =>
            {
                float y = Multiply(tensor, 1, Columns, ElementType.BFloat16, x, 1)[0];
                Assert.True(Math.Abs((y / ((double)Columns * magnitude)) - 1) < 1e-4, $"{form}: {y} instead of {Columns} times {magnitude}");
            });
        }
    }

    [Theory]
    [InlineData("normal")]
    [InlineData("one huge")]
    [InlineData("outliers")]
    [InlineData("heavy")]
    public void Nothing_is_less_accurate_than_rounding_the_weights_to_the_type(string pattern)
    {
        var random = new Random(3);
        var weight = new Weight(random, 257, 1024, 64, FourBitType.Nf4, nested: true);
        foreach (ElementType type in (ElementType[])[ElementType.BFloat16, ElementType.Float16])
        {
            float[] x = Rounded(X(random, pattern, weight, 3), type), rounded = Rounded(weight.Values, type);
            QuantizationAssert.InEveryForm(form =>
            {
                float[] y = Multiply(weight.Tensor, weight.Rows, weight.Columns, type, x, 3);
                double ours = 0, plain = 0;
                for (int i = 0; i < y.Length; i++)
                {
                    double exact = 0, single = 0;
                    for (int k = 0; k < weight.Columns; k++)
                    {
                        int at = ((i % weight.Rows) * weight.Columns) + k;
                        double element = x[((i / weight.Rows) * weight.Columns) + k];
                        exact += weight.Values[at] * element;
                        single += rounded[at] * element;
                    }

                    ours += Math.Pow(y[i] - exact, 2);
                    plain += Math.Pow(single - exact, 2);
                }

                Assert.True(ours <= plain * 1.001, $"{form}, {type}, {pattern}: {Math.Sqrt(ours)} against {Math.Sqrt(plain)}");
            });
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void What_is_not_finite_stays_so(float value)
    {
        var random = new Random(5);
        var weight = new Weight(random, 33, 256, 64, FourBitType.Nf4, nested: false);
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            float[] x = Rounded(X(random, "normal", weight, 3), type);
            x[256 + 77] = value;
            var expected = new float[3 * weight.Rows];
            QuantizationAssert.InEveryForm(form =>
            {
                // The first form is the scalar one.
                float[] y = Multiply(weight.Tensor, weight.Rows, weight.Columns, type, x, 3);
                expected = form == InstructionSet.Scalar ? y : expected;
                for (int i = 0; i < y.Length; i++)
                {
                    Assert.Equal(i / weight.Rows == 1, !float.IsFinite(y[i]));
                    Assert.Equal(float.IsFinite(expected[i]) ? 0 : expected[i], float.IsFinite(y[i]) ? 0 : y[i]);
                }
            });
        }
    }

    [Fact]
    public void A_scale_that_is_not_finite_concerns_its_own_row_only()
    {
        float[] weights = [.. Enumerable.Range(0, 8 * 128).Select(i => (i % 7) - 3f)];
        weights[(3 * 128) + 5] = float.PositiveInfinity;
        FourBitTensor tensor = FourBit.Quantize<float>(weights);
        float[] x = [.. Enumerable.Repeat(1f, 128)];
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            QuantizationAssert.InEveryForm(form =>
            {
                float[] y = Multiply(tensor, 8, 128, type, x, 1);
                Assert.All(Enumerable.Range(0, 8), n => Assert.Equal(n != 3, float.IsFinite(y[n])));
            });
        }
    }

    [Theory]
    [InlineData("normal", true)]
    [InlineData("heavy", true)]
    [InlineData("outliers", true)]
    [InlineData("zeros", true)]
    [InlineData("one alone", true)]
    [InlineData("equal", true)]
    [InlineData("one huge", false)]
    [InlineData("denormal", false)]
    [InlineData("NaN", false)]
    [InlineData("too large", false)]
    public void Integers_are_for_activations_that_they_represent_well(string pattern, bool taken)
    {
        Assert.SkipUnless(KernelSelection.Supported.Contains(InstructionSet.Avx2), "This CPU has no 256-bit integers.");
        var random = new Random(9);
        var weight = new Weight(random, 1, 1024, 64, FourBitType.Nf4, nested: true);
        float[] x = Rounded(X(random, pattern, weight, 1), ElementType.BFloat16);
        using FourBitTensor.PinnedFourBit pinned = weight.Tensor.Pin();
        Assert.Equal(taken, Prepares<IntegerStep<ByteLookup>>(pinned.Addresses, x));
        if (KernelSelection.Supported.Contains(InstructionSet.Avx512))
        {
            Assert.Equal(taken, Prepares<IntegerStep<WordLookup>>(pinned.Addresses, x));
        }
    }

    private static bool Prepares<TStep>(in FourBitAddresses weight, float[] x)
        where TStep : struct, IProductStep
    {
        Assert.True(FusedProduct<TStep>.Fits(weight, x.Length));
        void* memory = NativeMemory.AlignedAlloc(FusedProduct<TStep>.PreparedBytes(1, x.Length), 64);
        fixed (float* px = x)
        {
            bool result = FusedProduct<TStep>.TryPrepare(weight, px, 1, x.Length, (byte*)memory);
            NativeMemory.AlignedFree(memory);
            return result;
        }
    }

    private static void Check(Weight weight, ElementType type, float[] x, int batch, string pattern)
    {
        double u = type switch { ElementType.BFloat16 => 1.0 / 256, ElementType.Float16 => 1.0 / 2048, _ => 0 };
        QuantizationAssert.InEveryForm(form =>
        {
            float[] y = Multiply(weight.Tensor, weight.Rows, weight.Columns, type, x, batch);
            for (int i = 0; i < y.Length; i++)
            {
                double sum = 0, size = 0, scaled = 0, mass = 0, largest = 0, largestScale = 0;
                for (int k = 0; k < weight.Columns; k++)
                {
                    int at = ((i % weight.Rows) * weight.Columns) + k;
                    double element = x[((i / weight.Rows) * weight.Columns) + k], product = element * weight.Values[at], scale = Math.Abs(weight.Scales[at / weight.BlockSize]);
                    sum += product;
                    size += Math.Abs(product);
                    scaled += scale * Math.Abs(element);
                    mass += Math.Abs(element);
                    largest = Math.Max(largest, Math.Abs(element));
                    largestScale = Math.Max(largestScale, scale);
                }

                // Products of denormals have no more than the last bit of a single.
                double bound = ((u + (((weight.Columns / 4) + 8.0) / (1 << 24))) * size) + (weight.Columns * 3e-45);
                bound += type == ElementType.Float32 ? 0 : (scaled / (1 << 15)) + (largestScale * (mass - largest) / 1024);

                // A half smaller than 2^-14 is denormal: its unit is 2^-24.
                bound += type == ElementType.Float16 ? mass / (1 << 25) : 0;
                Assert.True(
                    Math.Abs(y[i] - sum) <= bound,
                    $"{form}, {type}, {pattern}, {weight.Rows} x {weight.Columns}, block {weight.BlockSize}, batch {batch}: y[{i}] is {y[i]} instead of {sum}, bound {bound}");
            }
        });
    }

    private static float[] Multiply(FourBitTensor tensor, int rows, int columns, ElementType type, float[] x, int batch)
    {
        var y = new float[batch * rows];
        using FourBitTensor.PinnedFourBit pinned = tensor.Pin();
        fixed (float* px = x, py = y)
        {
            new CpuBackend(2).Multiply(pinned.Addresses, rows, columns, type, px, batch, py);
        }

        return y;
    }

    private static float[] Rounded(float[] values, ElementType type) => type switch
    {
        ElementType.BFloat16 => [.. values.Select(v => (float)(BFloat16)v)],
        ElementType.Float16 => [.. values.Select(v => (float)(Half)v)],
        _ => values,
    };

    private static float[] X(Random random, string pattern, Weight weight, int batch)
    {
        float[] x = [.. Enumerable.Range(0, batch * weight.Columns).Select(_ => Normal(random))];
        int at = random.Next(weight.Columns);
        switch (pattern)
        {
            case "one huge":
                x = [.. x.Select((v, i) => i % weight.Columns == at ? 3e4f : v * 1e-3f)];
                break;
            case "huge at a zero weight":
                int zero = Array.IndexOf(weight.Values, 0f, 0, weight.Columns);
                x = [.. x.Select((v, i) => i % weight.Columns == zero ? 6e4f : v * 1e-2f)];
                break;
            case "outliers":
                x = [.. x.Select((v, i) => i % 1024 == 7 ? v * 1000 : v)];
                break;
            case "wide":
                x = [.. x.Select(v => v * MathF.Pow(2, random.Next(-14, 12)))];
                break;
            case "heavy":
                x = [.. x.Select(v => v * MathF.Exp(1.5f * Normal(random)))];
                break;
            case "denormal":
                x = [.. x.Select(v => v * 1e-40f)];
                break;
            case "zeros":
                Array.Clear(x);
                break;
            case "one alone":
                x = [.. x.Select((v, i) => i % weight.Columns == at ? v : 0)];
                break;
            case "equal":
                Array.Fill(x, -1.7f);
                break;
            case "NaN":
                x[at] = float.NaN;
                break;
            case "too large":
                x[at] = 1e30f;
                break;
        }

        return x;
    }

    private static float Normal(Random random) => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble()));

    /// <summary>A quantised matrix, and its values by the plain rules.</summary>
    private sealed class Weight
    {
        public Weight(Random random, int rows, int columns, int blockSize, FourBitType type, bool nested)
        {
            (Rows, Columns, BlockSize) = (rows, columns, blockSize);
            float[] weights = [.. Enumerable.Range(0, rows * columns).Select(_ => Normal(random) * 0.05f)];

            // Some blocks are all zero, some tiny.
            for (int start = 0; start < weights.Length; start += blockSize)
            {
                float factor = random.Next(8) switch { 0 => 0f, 1 => 1e-3f, _ => 1f };
                for (int i = start; i < Math.Min(start + blockSize, weights.Length); i++)
                {
                    weights[i] *= factor;
                }
            }

            Tensor = FourBit.Quantize<float>(weights, type, blockSize, nested);
            Scales = new float[Tensor.BlockCount];
            if (nested)
            {
                Tensor.Nested!.Restore(Scales);
            }
            else
            {
                Tensor.Absmax.Span.CopyTo(Scales);
            }

            Values = PlainReference.Dequantize(Tensor.Packed.ToArray(), Scales, type, blockSize, weights.Length);
        }

        public int Rows { get; }

        public int Columns { get; }

        public int BlockSize { get; }

        public FourBitTensor Tensor { get; }

        public float[] Scales { get; }

        public float[] Values { get; }
    }
}
