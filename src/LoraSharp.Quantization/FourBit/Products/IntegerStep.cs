using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>
/// 16-bit integers: two products and their sum are one instruction. Weights are rounded to 16 bits of the largest code value; x is rounded to 14 bits of the largest of the eight
/// elements that meet in a lane, in steps of a power of two, so that a brain float is exact unless it is 32 times smaller than that one.
/// </summary>
/// <remarks>No sum overflows: eight products of at most 32767 · 8192 make 2,147,418,112, less than 2³¹.</remarks>
internal readonly unsafe struct IntegerStep<TLookup> : IProductStep
    where TLookup : struct, INibbleLookup
{
    /// <summary>Magnitudes of x are at most two to the power of this one.</summary>
    private const int Bits = 13;

    // 128 bytes of integers, and the step of each lane.
    public static int Bytes => 160;

    public static float Tables(float* code, out Vector256<byte> first, out Vector256<byte> second)
    {
        short* integers = stackalloc short[16];
        float unit = Integers(code, integers);
        TLookup.Tables(integers, out first, out second);
        return unit;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lane(float* x, int lane) => TLookup.Lane(x, lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float>* columns, float unit, byte* prepared, ref PreparedError error)
    {
        Vector256<int> magnitude = Vector256.Create(0x7FFFFFFF);
        Vector256<int> largest = default;
        for (int i = 0; i < 8; i++)
        {
            largest = Vector256.Max(largest, columns[i].AsInt32() & magnitude);
        }

        error.AddMagnitude(largest);

        // The exponent of the largest one, 12 lower, so that its 13 bits are integer; not so low that the reciprocal would overflow.
        Vector256<int> step = Vector256.Max((largest & Vector256.Create(0x7F800000)) - Vector256.Create((Bits - 1) << 23), Vector256.Create(8 << 23));
        Vector256<float> scale = step.AsSingle(), reciprocal = (Vector256.Create(254 << 23) - step).AsSingle();
        Vector256<float> difference = default, sum = default;
        for (int i = 0; i < 8; i++)
        {
            Vector256<float> exact = columns[i];
            Vector256<int> integer = Avx.ConvertToVector256Int32(exact * reciprocal);
            difference += Vector256.Abs(exact - (Avx.ConvertToVector256Single(integer) * scale));
            sum += Vector256.Abs(exact);
            columns[i] = integer.AsSingle();
        }

        error.Add(difference, sum - largest.AsSingle());
        for (int i = 0; i < 4; i++)
        {
            int column = TLookup.Distance == 4 ? i : i + (i & 2);
            Vector256<int> pair = (columns[column].AsInt32() & Vector256.Create(0xFFFF)) | (columns[column + TLookup.Distance].AsInt32() << 16);
            pair.Store((int*)prepared + (8 * i));
        }

        (scale * Vector256.Create(unit)).Store((float*)prepared + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Look(
        Vector256<byte> packed, Vector256<byte> first, Vector256<byte> second, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3,
        out Vector256<float> w4, out Vector256<float> w5, out Vector256<float> w6, out Vector256<float> w7)
    {
        TLookup.Look(packed, first, second, out Vector256<short> a, out Vector256<short> b, out Vector256<short> c, out Vector256<short> d);
        w0 = a.AsSingle();
        w1 = b.AsSingle();
        w2 = c.AsSingle();
        w3 = d.AsSingle();
        w4 = w5 = w6 = w7 = default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dot(
        byte* prepared, Vector256<float> w0, Vector256<float> w1, Vector256<float> w2, Vector256<float> w3, Vector256<float> w4, Vector256<float> w5, Vector256<float> w6, Vector256<float> w7)
    {
        short* x = (short*)prepared;
        Vector256<int> a = Avx2.MultiplyAddAdjacent(w0.AsInt16(), Vector256.LoadAligned(x)) + Avx2.MultiplyAddAdjacent(w1.AsInt16(), Vector256.LoadAligned(x + 16));
        Vector256<int> b = Avx2.MultiplyAddAdjacent(w2.AsInt16(), Vector256.LoadAligned(x + 32)) + Avx2.MultiplyAddAdjacent(w3.AsInt16(), Vector256.LoadAligned(x + 48));
        return Avx.ConvertToVector256Single(a + b) * Vector256.LoadAligned((float*)prepared + 32);
    }

    /// <summary>
    /// Code values as multiples of a unit. Two units are tried and the one with the smaller relative error taken: the finest, and one of which FP4's values (multiples of 1/192) are
    /// exact multiples.
    /// </summary>
    private static float Integers(float* code, short* integers)
    {
        const int Finest = 32767, MultipleOf192 = 170 * 192;
        float largest = 0;
        for (int i = 0; i < 16; i++)
        {
            largest = Math.Max(largest, Math.Abs(code[i]));
        }

        if (largest == 0)
        {
            new Span<short>(integers, 16).Clear();
            return 0;
        }

        int steps = Error(code, largest, Finest) <= Error(code, largest, MultipleOf192) ? Finest : MultipleOf192;
        for (int i = 0; i < 16; i++)
        {
            integers[i] = (short)Math.Round(code[i] / (double)largest * steps);
        }

        return largest / steps;
    }

    private static double Error(float* code, double largest, int steps)
    {
        double error = 0;
        for (int i = 0; i < 16; i++)
        {
            double exact = code[i] / largest * steps;
            error = exact == 0 ? error : Math.Max(error, Math.Abs((Math.Round(exact) / exact) - 1));
        }

        return error;
    }
}
