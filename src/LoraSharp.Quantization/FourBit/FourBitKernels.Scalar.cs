using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>One element at a time: the plain statement of the rules, and the tails of the vector forms.</summary>
internal sealed unsafe class FourBitKernelsScalar : FourBitKernels
{
    /// <summary>Quantises the elements of one block with a known scale; <paramref name="count"/> may be odd only at the end of the tensor.</summary>
    public static void QuantizeRun<T>(T* source, int count, float scale, bool divide, FourBitCodebook book, byte* packed)
        where T : unmanaged
    {
        for (int i = 0; i < count; i += 2)
        {
            int high = Nibble(Element<T>.ToSingle(source[i]), scale, divide, book);
            int low = i + 1 < count ? Nibble(Element<T>.ToSingle(source[i + 1]), scale, divide, book) : book.ZeroNibble;
            packed[i / 2] = (byte)((high << 4) | low);
        }
    }

    /// <summary>The number that elements of a block are multiplied with (full block) or divided by (partial block), and the scale to store.</summary>
    public static (float Scale, float Stored) Scale(uint absmaxBits, bool full)
    {
        float m = BitConverter.UInt32BitsToSingle(absmaxBits);

        // A comparison, not Max: NaN must pass through.
        float clamped = m < 1e-38f ? 1e-38f : m;
        return full ? (1f / clamped, m) : (clamped, clamped);
    }

    /// <summary>The bits of the largest magnitude. As integers, magnitudes order like their values with NaN on top, so NaN wins in every form.</summary>
    public static uint MagnitudeBits<T>(T* source, int count)
        where T : unmanaged
    {
        uint max = 0;
        for (int i = 0; i < count; i++)
        {
            max = Math.Max(max, BitConverter.SingleToUInt32Bits(Element<T>.ToSingle(source[i])) & 0x7FFFFFFF);
        }

        return max;
    }

    /// <summary>Dequantises elements [first, first + count) of one block.</summary>
    public static void DequantizeRun<T>(byte* packed, long first, int count, float absmax, float* code, T* destination)
        where T : unmanaged
    {
        for (int i = 0; i < count; i++)
        {
            destination[i] = Element<T>.FromSingle(code[NibbleAt(packed, first + i)] * absmax);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NibbleAt(byte* packed, long index) => (index & 1) == 0 ? packed[index >> 1] >> 4 : packed[index >> 1] & 15;

    public override void Multiply(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, ElementType weightType, float* x, int batch, float* y)
    {
        var row = new float[columns];
        fixed (float* w = row)
        {
            for (int n = firstRow; n < endRow; n++)
            {
                DequantizeRounded(weight, (long)n * columns, columns, w, weightType);
                for (int m = 0; m < batch; m++)
                {
                    float* xm = x + ((long)m * columns);
                    double sum = 0;
                    for (int k = 0; k < columns; k++)
                    {
                        sum += (double)xm[k] * w[k];
                    }

                    y[((long)m * rows) + n] = (float)sum;
                }
            }
        }
    }

    protected override void Quantize<T>(T* source, long count, int blockSize, FourBitCodebook book, byte* packed, float* absmax)
    {
        for (long start = 0; start < count; start += blockSize)
        {
            int length = (int)Math.Min(blockSize, count - start);
            bool full = length == blockSize;
            (float scale, *absmax++) = Scale(MagnitudeBits(source + start, length), full);
            QuantizeRun(source + start, length, scale, !full, book, packed + (start / 2));
        }
    }

    protected override void Dequantize<T>(in FourBitAddresses weight, long first, long count, T* destination)
    {
        long end = first + count;
        while (first < end)
        {
            long block = first / weight.BlockSize;
            int length = (int)(Math.Min(end, (block + 1) * weight.BlockSize) - first);
            DequantizeRun(weight.Packed, first, length, weight.Scale(block), weight.Code, destination);
            destination += length;
            first += length;
        }
    }

    private void DequantizeRounded(in FourBitAddresses weight, long first, int count, float* destination, ElementType type)
    {
        Dequantize(weight, first, count, destination);
        for (int i = 0; i < count && type != ElementType.Float32; i++)
        {
            destination[i] = type == ElementType.Float16
                ? HalfBits.ToSingle(HalfBits.Round(destination[i]))
                : (float)(BFloat16)destination[i];
        }
    }

    private static int Nibble(float x, float scale, bool divide, FourBitCodebook book)
    {
        float scaled = divide ? x / scale : x * scale;
        return book.Nibbles[ThresholdSearch.CountSlowly(book.Thresholds, scaled)];
    }
}
