using FsCheck.Xunit;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

public class FourBitPropertyTests
{
    [Property(MaxTest = 60)]
    public void Singles_agree_with_the_plain_rules(int seed, ushort size, bool nonFinite, byte block, bool fp4) =>
        Check<float>(seed, size, nonFinite, block, fp4);

    [Property(MaxTest = 60)]
    public void Halves_agree_with_the_plain_rules(int seed, ushort size, bool nonFinite, byte block, bool fp4) =>
        Check<Half>(seed, size, nonFinite, block, fp4);

    [Property(MaxTest = 60)]
    public void Brain_floats_agree_with_the_plain_rules(int seed, ushort size, bool nonFinite, byte block, bool fp4) =>
        Check<BFloat16>(seed, size, nonFinite, block, fp4);

    [Property(MaxTest = 60)]
    public void Any_range_equals_that_part_of_the_whole(int seed, ushort first, ushort length, byte block, bool nested)
    {
        float[] x = RandomTensor.Create(seed, 6001, withNonFinite: false);
        int start = first % x.Length;
        int count = length % (x.Length - start);
        FourBitTensor tensor = FourBit.Quantize<float>(x, FourBitType.Nf4, BlockSize(block), nested);
        var whole = new BFloat16[x.Length];
        QuantizationAssert.InEveryForm(form =>
        {
            FourBit.Dequantize(tensor, whole.AsSpan());
            var part = new BFloat16[count];
            FourBit.Dequantize(tensor, start, part.AsSpan());
            QuantizationAssert.SameBits<BFloat16>(whole.AsSpan(start, count), part, $"{form} range");
        });
    }

    [Property(MaxTest = 60)]
    public void Products_agree_with_the_dequantised_weight(int seed, byte rowsByte, ushort columnsWord, byte batchByte, byte block, bool nested)
    {
        int rows = 1 + (rowsByte % 9);
        int columns = seed % 2 == 0 ? 64 * (1 + (columnsWord % 9)) : 1 + (columnsWord % 700);
        int batch = 1 + (batchByte % 11);
        CheckProduct<float>(seed, rows, columns, batch, BlockSize(block), nested);
        CheckProduct<BFloat16>(seed, rows, columns, batch, BlockSize(block), nested);
        CheckProduct<Half>(seed, rows, columns, batch, BlockSize(block), nested);
    }

    private static int BlockSize(byte block) => 32 << (block % 8);

    private static void Check<T>(int seed, ushort size, bool nonFinite, byte block, bool fp4)
        where T : unmanaged
    {
        FourBitType type = fp4 ? FourBitType.Fp4 : FourBitType.Nf4;
        int blockSize = BlockSize(block);
        T[] x = [.. RandomTensor.Create(seed, size % 5000, nonFinite).Select(Element<T>.FromSingle)];
        float[] wide = [.. x.Select(Element<T>.ToSingle)];
        (byte[] packed, float[] absmax) = PlainReference.Quantize(wide, type, blockSize);
        T[] expected = [.. PlainReference.Dequantize(packed, absmax, type, blockSize, x.Length).Select(Element<T>.FromSingle)];
        QuantizationAssert.InEveryForm(form =>
        {
            FourBitTensor tensor = FourBit.Quantize<T>(x, type, blockSize);
            QuantizationAssert.SameBits<float>(absmax, tensor.Absmax.Span, $"{form} absmax");
            QuantizationAssert.SameBits<byte>(packed, tensor.Packed.Span, $"{form} packed");
            var actual = new T[x.Length];
            FourBit.Dequantize(tensor, actual.AsSpan());
            QuantizationAssert.SameBits<T>(expected, actual, $"{form} dequantized");
        });
    }

    private static void CheckProduct<T>(int seed, int rows, int columns, int batch, int blockSize, bool nested)
        where T : unmanaged
    {
        var random = new Random(seed);
        T Next() => Element<T>.FromSingle((float)(random.NextDouble() - 0.5));
        float[] w = [.. Enumerable.Range(0, rows * columns).Select(_ => (float)(random.NextDouble() - 0.5))];
        T[] x = [.. Enumerable.Range(0, batch * columns).Select(_ => Next())];
        T[] bias = random.Next(2) == 0 ? [] : [.. Enumerable.Range(0, rows).Select(_ => Next())];
        FourBitTensor tensor = FourBit.Quantize<float>(w, FourBitType.Nf4, blockSize, nested);
        var dense = new T[w.Length];
        FourBit.Dequantize(tensor, dense.AsSpan());
        double tolerance = typeof(T) == typeof(float) ? 1e-5 : typeof(T) == typeof(Half) ? 1e-2 : 8e-2;
        QuantizationAssert.InEveryForm(form =>
        {
            var y = new T[batch * rows];
            FourBit.Multiply<T>(tensor, rows, columns, x, bias, y);
            for (int m = 0; m < batch; m++)
            {
                for (int n = 0; n < rows; n++)
                {
                    double sum = bias.Length == 0 ? 0 : Element<T>.ToSingle(bias[n]);
                    for (int k = 0; k < columns; k++)
                    {
                        sum += (double)Element<T>.ToSingle(x[(m * columns) + k]) * Element<T>.ToSingle(dense[(n * columns) + k]);
                    }

                    float actual = Element<T>.ToSingle(y[(m * rows) + n]);
                    Assert.True(Math.Abs(actual - sum) <= tolerance, $"{form} {typeof(T).Name} [{m},{n}] of {rows}x{columns}, batch {batch}: {actual} instead of {sum}.");
                }
            }
        });
    }
}
