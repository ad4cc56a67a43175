using System.Runtime.InteropServices;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

public class FourBitKernelTests
{
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
