using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>AVX-512: single precision throughout; 16 values are two registers of 256 bits, and a permute of both reads the low four bits of each index only.</summary>
internal readonly unsafe struct SingleStep : IProductStep
{
    public static int Bytes => 256;

    public static float Tables(float* code, out Vector256<byte> first, out Vector256<byte> second)
    {
        first = Vector256.Load(code).AsByte();
        second = Vector256.Load(code + 8).AsByte();
        return 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lane(float* x, int lane) => Vector256.Load(x + (8 * lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float>* columns, float unit, byte* prepared, ref PreparedError error)
    {
        for (int i = 0; i < 8; i++)
        {
            error.AddMagnitude(columns[i].AsInt32() & Vector256.Create(0x7FFFFFFF));

            // The even element of a byte is its high nibble.
            columns[i ^ 1].Store((float*)prepared + (8 * i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Look(
        Vector256<byte> packed, Vector256<byte> first, Vector256<byte> second, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3,
        out Vector256<float> w4, out Vector256<float> w5, out Vector256<float> w6, out Vector256<float> w7)
    {
        Vector256<int> codes = packed.AsInt32();
        Vector256<float> low = first.AsSingle(), high = second.AsSingle();
        w0 = Avx512F.VL.PermuteVar8x32x2(low, codes, high);
        w1 = Avx512F.VL.PermuteVar8x32x2(low, codes >>> 4, high);
        w2 = Avx512F.VL.PermuteVar8x32x2(low, codes >>> 8, high);
        w3 = Avx512F.VL.PermuteVar8x32x2(low, codes >>> 12, high);
        w4 = Avx512F.VL.PermuteVar8x32x2(low, codes >>> 16, high);
        w5 = Avx512F.VL.PermuteVar8x32x2(low, codes >>> 20, high);
        w6 = Avx512F.VL.PermuteVar8x32x2(low, codes >>> 24, high);
        w7 = Avx512F.VL.PermuteVar8x32x2(low, codes >>> 28, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Dot(
        byte* prepared, Vector256<float> w0, Vector256<float> w1, Vector256<float> w2, Vector256<float> w3, Vector256<float> w4, Vector256<float> w5, Vector256<float> w6, Vector256<float> w7)
    {
        float* x = (float*)prepared;
        Vector256<float> a = w0 * Vector256.LoadAligned(x), b = w1 * Vector256.LoadAligned(x + 8);
        a = Fma.MultiplyAdd(w2, Vector256.LoadAligned(x + 16), a);
        b = Fma.MultiplyAdd(w3, Vector256.LoadAligned(x + 24), b);
        a = Fma.MultiplyAdd(w4, Vector256.LoadAligned(x + 32), a);
        b = Fma.MultiplyAdd(w5, Vector256.LoadAligned(x + 40), b);
        a = Fma.MultiplyAdd(w6, Vector256.LoadAligned(x + 48), a);
        b = Fma.MultiplyAdd(w7, Vector256.LoadAligned(x + 56), b);
        return a + b;
    }
}
