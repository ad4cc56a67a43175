using System.Runtime.InteropServices;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

public class FourBitKernelTests
{
    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public unsafe void A_product_rounds_each_weight_to_the_compute_type(ElementType type)
    {
        // A row of x with a single 1 picks one column of the weight, without any rounding of its own.
        const int Rows = 8, Columns = 128;
        FourBitTensor tensor = FourBit.Quantize<float>(RandomTensor.Create(3, Rows * Columns, withNonFinite: false), doubleQuantization: false);
        var dense = new float[Rows * Columns];
        FourBit.Dequantize(tensor, dense.AsSpan());
        float[] expected = type switch
        {
            ElementType.Float16 => [.. dense.Select(w => (float)(Half)w)],
            ElementType.BFloat16 => [.. dense.Select(w => (float)(BFloat16)w)],
            _ => dense,
        };
        QuantizationAssert.InEveryForm(form =>
        {
            using FourBitTensor.PinnedFourBit pinned = tensor.Pin();
            for (int k = 0; k < Columns; k++)
            {
                float[] x = new float[Columns], y = new float[Rows];
                x[k] = 1;
                fixed (float* px = x, py = y)
                {
                    new CpuBackend(1).Multiply(pinned.Addresses, Rows, Columns, type, px, 1, py);
                }

                for (int n = 0; n < Rows; n++)
                {
                    float w = expected[(n * Columns) + k];
                    Assert.True(y[n] == w || (!float.IsFinite(w) && !float.IsFinite(y[n])) || HasInfinity(expected, n), $"{form} [{n},{k}]: {y[n]} instead of {w}.");
                }
            }
        });

        // Infinity times the zeros of x is NaN.
        static bool HasInfinity(float[] weights, int row) => weights.AsSpan(row * Columns, Columns).ContainsAny(float.PositiveInfinity, float.NegativeInfinity);
    }

    [Fact]
    public unsafe void Results_too_large_for_the_cache_are_the_same()
    {
        const int Count = (9 << 20) + 37;
        var x = new float[Count];
        var random = new Random(5);
        for (int i = 0; i < Count; i++)
        {
            x[i] = (float)random.NextDouble() - 0.5f;
        }

        FourBitTensor tensor = FourBit.Quantize<float>(x, doubleQuantization: true);
        var pieces = new BFloat16[Count];
        for (int start = 0; start < Count; start += 1 << 20)
        {
            FourBit.Dequantize(tensor, start, pieces.AsSpan(start, Math.Min(1 << 20, Count - start)), maxThreads: 1);
        }

        void* memory = NativeMemory.AlignedAlloc(2 * Count, 64);
        try
        {
            QuantizationAssert.InEveryForm(form =>
            {
                var whole = new Span<BFloat16>(memory, Count);
                whole.Clear();
                FourBit.Dequantize(tensor, whole);
                QuantizationAssert.SameBits<BFloat16>(pieces, whole, $"{form}");
            });
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(1024)]
    public void A_batch_of_any_size_with_many_columns_is_the_product(int blockSize)
    {
        const int Rows = 3, Columns = 4096;
        var values = new Random(4);
        float[] weights = [.. Enumerable.Range(0, Rows * Columns).Select(_ => values.NextSingle() - 0.5f)];
        FourBitTensor weight = FourBit.Quantize<float>(weights, blockSize: blockSize);
        var dense = new float[Rows * Columns];
        FourBit.Dequantize(weight, dense.AsSpan());
        for (int batch = 1; batch <= 17; batch++)
        {
            var random = new Random(batch);
            float[] x = [.. Enumerable.Range(0, batch * Columns).Select(_ => random.NextSingle() - 0.5f)], y = new float[batch * Rows];
            QuantizationAssert.InEveryForm(form =>
            {
                FourBit.Multiply<float>(weight, Rows, Columns, x, default, y);
                for (int i = 0; i < y.Length; i++)
                {
                    double sum = 0, size = 0;
                    for (int k = 0; k < Columns; k++)
                    {
                        double product = (double)x[(i / Rows * Columns) + k] * dense[(i % Rows * Columns) + k];
                        sum += product;
                        size += Math.Abs(product);
                    }

                    Assert.True(Math.Abs(sum - y[i]) <= 1e-6 * size, $"{form}, batch {batch}: y[{i}] is {y[i]} instead of {sum}");
                }
            });
        }
    }

    [Fact]
    public void A_tensor_quantised_in_pieces_is_the_same()
    {
        float[] x = RandomTensor.Create(7, 64 * 100 + 13, withNonFinite: false);
        FourBitTensor whole = FourBit.Quantize<float>(x, doubleQuantization: true);
        var packed = new byte[(x.Length + 1) / 2];
        var absmax = new float[whole.BlockCount];
        FourBit.Quantize<float>(x.AsSpan(0, 64 * 40), FourBitType.Nf4, 64, packed.AsSpan(0, 32 * 40), absmax.AsSpan(0, 40));
        FourBit.Quantize<float>(x.AsSpan(64 * 40), FourBitType.Nf4, 64, packed.AsSpan(32 * 40), absmax.AsSpan(40));
        FourBitTensor joined = new FourBitTensor(FourBitType.Nf4, 64, x.Length, packed, absmax).CompressStatistics();
        QuantizationAssert.SameBits(whole.Packed.Span, joined.Packed.Span, "packed");
        QuantizationAssert.SameBits(whole.Nested!.AbsmaxCodes.Span, joined.Nested!.AbsmaxCodes.Span, "absmax");
        QuantizationAssert.SameBits(whole.Nested.NestedAbsmax.Span, joined.Nested.NestedAbsmax.Span, "nested_absmax");
    }

    [Fact]
    public void Restored_scales_are_those_that_kernels_use()
    {
        float[] x = RandomTensor.Create(9, 10_000, withNonFinite: false);
        FourBitTensor tensor = FourBit.Quantize<float>(x, doubleQuantization: true);
        var absmax = new float[tensor.BlockCount];
        tensor.Nested!.Restore(absmax);
        float[] expected = new float[x.Length], actual = new float[x.Length];
        FourBit.Dequantize(new FourBitTensor(FourBitType.Nf4, 64, x.Length, tensor.Packed, absmax), expected.AsSpan());
        FourBit.Dequantize(tensor, actual.AsSpan());
        QuantizationAssert.SameBits<float>(expected, actual, "dequantized");
    }

    [Fact]
    public void Double_quantisation_takes_4_127_bits_a_parameter()
    {
        FourBitTensor tensor = FourBit.Quantize<float>(new float[1 << 20], doubleQuantization: true);
        Assert.Equal(4.127, 8.0 * tensor.ByteCount / tensor.Count, 0.0005);
        Assert.Equal(4.5, 8.0 * FourBit.Quantize<float>(new float[1 << 20]).ByteCount / tensor.Count, 0.0005);
    }

    [Fact]
    public void An_empty_tensor_is_allowed()
    {
        FourBitTensor tensor = FourBit.Quantize<float>([], doubleQuantization: true);
        Assert.Equal(0, tensor.Count);
        FourBit.Dequantize(tensor, Span<float>.Empty);
    }
}
