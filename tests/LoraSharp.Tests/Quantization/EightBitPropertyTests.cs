using FsCheck.Xunit;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

public class EightBitPropertyTests
{
    [Property(MaxTest = 60)]
    public void Blockwise_codes_agree_with_the_plain_rules(int seed, ushort size, bool nonFinite, byte block, bool signed)
    {
        DynamicMap map = signed ? DynamicMap.Signed : DynamicMap.Unsigned;
        CheckBlockwise(map, RandomTensor.Create(seed, size % 5000, nonFinite), 32 << (block % 8));
    }

    [Fact]
    public void The_published_maps_are_searched_by_table()
    {
        Assert.True(DynamicMap.Signed.Search.IsDirect);
        Assert.True(DynamicMap.Unsigned.Search.IsDirect);
    }

    [Property(MaxTest = 60)]
    public void Any_ascending_map_is_searched_rightly(int seed, ushort size)
    {
        // Values drawn at random crowd the cells of the search table, with equal neighbours among them.
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, DynamicMap.Size).Select(_ => random.Next(200) / 100f - 1f).Order()];
        CheckBlockwise(new DynamicMap(values), RandomTensor.Create(seed, size % 3000, withNonFinite: true), 64);
    }

    [Property(MaxTest = 60)]
    public void Rows_agree_with_the_plain_rules(int seed, byte rowsByte, ushort columnsWord, bool outliers)
    {
        int rows = 1 + (rowsByte % 7);
        int columns = 1 + (columnsWord % 300);
        var random = new Random(seed);
        float[] x = [.. Enumerable.Range(0, rows * columns).Select(_ => (float)((random.NextDouble() - 0.5) * (random.Next(40) == 0 ? 20 : 2)))];
        if (random.Next(2) == 0)
        {
            x.AsSpan(0, columns).Clear();
        }

        float threshold = outliers ? 6 : 0;
        int[] columnsOut = [.. Enumerable.Range(0, columns).Where(k => threshold > 0 && Enumerable.Range(0, rows).Any(n => Math.Abs((float)(Half)x[(n * columns) + k]) >= threshold))];
        QuantizationAssert.InEveryForm(form =>
        {
            var codes = new sbyte[x.Length];
            var stats = new float[rows];
            Assert.Equal(columnsOut, Int8.QuantizeRows<float>(x, columns, threshold, codes, stats));
            for (int n = 0; n < rows; n++)
            {
                float[] row = [.. x.AsSpan(n * columns, columns).ToArray().Select(v => (float)(Half)v).Select(v => threshold > 0 && Math.Abs(v) >= threshold ? 0 : v)];
                float absmax = row.Max(Math.Abs);
                Assert.Equal(absmax, stats[n]);
                for (int k = 0; k < columns; k++)
                {
                    int expected = absmax == 0 || columnsOut.Contains(k) ? 0 : (int)Math.Round((double)(row[k] * (1f / absmax * 127f)), MidpointRounding.ToEven);
                    Assert.True(expected == codes[(n * columns) + k], $"{form} [{n},{k}]: {codes[(n * columns) + k]} instead of {expected}.");
                }
            }
        });
    }

    [Property(MaxTest = 40)]
    public void Integer_products_are_exact(int seed, byte rowsByte, ushort columnsWord, byte batchByte)
    {
        int rows = 1 + (rowsByte % 9);
        int columns = 1 + (columnsWord % 500);
        int batch = 1 + (batchByte % 9);
        var random = new Random(seed);

        // Every row holds a 127, so that quantising x gives the codes back; the weight may hold -128, as a file may.
        sbyte[] w = [.. Enumerable.Range(0, rows * columns).Select(_ => (sbyte)random.Next(-128, 128))];
        float[] x = [.. Enumerable.Range(0, batch * columns).Select(i => i % columns == 0 ? 127f : random.Next(-127, 128))];
        float[] scales = [.. Enumerable.Repeat(127f, rows)];
        var matrix = new Int8Matrix(rows, columns, w, scales);
        QuantizationAssert.InEveryForm(form =>
        {
            var y = new float[batch * rows];
            matrix.Multiply<float>(x, 0, default, y);
            for (int i = 0; i < y.Length; i++)
            {
                long sum = Enumerable.Range(0, columns).Sum(k => (long)x[(i / rows * columns) + k] * w[(i % rows * columns) + k]);
                Assert.True(Math.Abs(y[i] - sum) <= 1e-6 * Math.Abs(sum), $"{form} [{i}]: {y[i]} instead of {sum}.");
            }
        });
    }

    [Property(MaxTest = 40)]
    public void Optimizer_steps_have_the_same_bits_in_every_form(int seed, ushort size, bool threads)
    {
        int n = 1 + (size % 40000);
        var random = new Random(seed);
        float[] start = [.. Enumerable.Range(0, n).Select(_ => (float)random.NextDouble())];
        BFloat16[] g = [.. Enumerable.Range(0, n).Select(_ => (BFloat16)(float)(random.NextDouble() - 0.5))];
        float[]? expected = null;
        QuantizationAssert.InEveryForm(form =>
        {
            float[] p = [.. start];
            float[] m = new float[n], v = new float[n];
            EightBitState m8 = new(n), v8 = new(n), l8 = new(n);
            for (int step = 1; step <= 3; step++)
            {
                AdamW.Step<float, BFloat16>(p, g, m, v, new AdamWSettings(1e-3), step, threads ? 0 : 1);
                AdamW.Step<float, BFloat16>(p, g, m8, v8, new AdamWSettings(1e-3), step, threads ? 0 : 1);
                Lion.Step<float, BFloat16>(p, g, l8, new LionSettings(1e-3), threads ? 0 : 1);
            }

            expected ??= p;
            QuantizationAssert.SameBits<float>(expected, p, form.ToString());
        });
    }

    [Property]
    public void Gradients_with_NaN_or_infinity_are_found(int seed, ushort size, ushort at, byte kind)
    {
        int n = 1 + (size % 3000);
        float[] g = [.. Enumerable.Range(0, n).Select(i => (float)i - 1000)];
        QuantizationAssert.InEveryForm(_ => Assert.True(Gradients.AreFinite<float>(g)));
        g[at % n] = (kind % 3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.NegativeInfinity };
        QuantizationAssert.InEveryForm(_ => Assert.False(Gradients.AreFinite<float>(g)));
        _ = seed;
    }

    private static void CheckBlockwise(DynamicMap map, float[] x, int blockSize)
    {
        (byte[] codes, float[] absmax) = PlainReference.Quantize8(x, map.Values.ToArray(), blockSize);
        QuantizationAssert.InEveryForm(form =>
        {
            var actual = new byte[x.Length];
            var actualAbsmax = new float[absmax.Length];
            Blockwise8Bit.Quantize<float>(x, map, blockSize, actual, actualAbsmax);
            QuantizationAssert.SameBits<float>(absmax, actualAbsmax, $"{form} absmax");
            QuantizationAssert.SameBits<byte>(codes, actual, $"{form} codes");
            var values = new BFloat16[x.Length];
            Blockwise8Bit.Dequantize<BFloat16>(codes, map, blockSize, absmax, values);
            BFloat16[] expected = [.. codes.Select((c, i) => (BFloat16)(map.Values.Span[c] * absmax[i / blockSize]))];
            QuantizationAssert.SameBits<BFloat16>(expected, values, $"{form} dequantized");
        });
    }
}
