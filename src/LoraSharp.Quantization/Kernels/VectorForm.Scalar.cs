using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>One element at a time: the plain statement of the rules, and the tails of the vector forms.</summary>
internal readonly unsafe struct ScalarForm : IVectorForm
{
    public static uint MagnitudeBits<T>(T* x, int count)
        where T : unmanaged
    {
        uint max = 0;
        for (int i = 0; i < count; i++)
        {
            max = Math.Max(max, BitConverter.SingleToUInt32Bits(Element<T>.ToSingle(x[i])) & 0x7FFFFFFF);
        }

        return max;
    }

    public static void QuantizeRun<T>(T* x, int count, float scale, bool divide, FourBitCodebook book, byte* packed)
        where T : unmanaged
    {
        for (int i = 0; i < count; i += 2)
        {
            int high = Nibble(Element<T>.ToSingle(x[i]), scale, divide, book);
            int low = i + 1 < count ? Nibble(Element<T>.ToSingle(x[i + 1]), scale, divide, book) : book.ZeroNibble;
            packed[i / 2] = (byte)((high << 4) | low);
        }
    }

    public static void DequantizeRun<T>(byte* packed, int count, float scale, float* code, T* destination, bool streaming)
        where T : unmanaged
    {
        for (int i = 0; i < count; i++)
        {
            destination[i] = Element<T>.FromSingle(code[NibbleAt(packed, i)] * scale);
        }
    }

    public static float Dot<T>(T* w, float* x, int count)
        where T : unmanaged
    {
        // Four sums: shorter chains, and less rounding than one long sum.
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        int i = 0;
        for (; i <= count - 4; i += 4)
        {
            s0 += Element<T>.ToSingle(w[i]) * x[i];
            s1 += Element<T>.ToSingle(w[i + 1]) * x[i + 1];
            s2 += Element<T>.ToSingle(w[i + 2]) * x[i + 2];
            s3 += Element<T>.ToSingle(w[i + 3]) * x[i + 3];
        }

        for (; i < count; i++)
        {
            s0 += Element<T>.ToSingle(w[i]) * x[i];
        }

        return (s0 + s1) + (s2 + s3);
    }

    public static void DotInt8(sbyte* w, sbyte* x, nint stride, int count, int* sums)
    {
        for (int m = 0; m < 4; m++)
        {
            int sum = 0;
            for (int k = 0; k < count; k++)
            {
                sum += w[k] * x[(m * stride) + k];
            }

            sums[m] = sum;
        }
    }

    public static void QuantizeBytes<T>(T* x, int count, float scale, bool divide, ThresholdSearch search, byte* codes)
        where T : unmanaged
    {
        for (int i = 0; i < count; i++)
        {
            float value = Element<T>.ToSingle(x[i]);
            codes[i] = (byte)search.CountDirect(divide ? value / scale : value * scale);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NibbleAt(byte* packed, long index) => (index & 1) == 0 ? packed[index >> 1] >> 4 : packed[index >> 1] & 15;

    private static int Nibble(float x, float scale, bool divide, FourBitCodebook book) =>
        book.Nibbles[ThresholdSearch.CountByHalves(book.Thresholds, divide ? x / scale : x * scale)];
}
