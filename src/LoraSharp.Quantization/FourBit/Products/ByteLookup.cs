using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>AVX2: the low and the high bytes of the words are looked up apart, within 128-bit halves, and interleaved.</summary>
internal readonly unsafe struct ByteLookup : INibbleLookup
{
    // Interleaving brings bytes 2i, 2i + 1 (and 8 + 2i, 9 + 2i from the upper eight) of a half into lane i.
    public static int Distance => 2;

    public static void Tables(short* code, out Vector256<byte> first, out Vector256<byte> second)
    {
        byte* low = stackalloc byte[16], high = stackalloc byte[16];
        for (int i = 0; i < 16; i++)
        {
            low[i] = (byte)code[i];
            high[i] = (byte)(code[i] >> 8);
        }

        first = Vector256.Create(Vector128.Load(low), Vector128.Load(low));
        second = Vector256.Create(Vector128.Load(high), Vector128.Load(high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lane(float* x, int lane)
    {
        float* start = x + (32 * (lane >> 2)) + (4 * (lane & 3));
        return Vector256.Create(Vector128.Load(start), Vector128.Load(start + 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Look(
        Vector256<byte> packed, Vector256<byte> first, Vector256<byte> second, out Vector256<short> w0, out Vector256<short> w1, out Vector256<short> w2, out Vector256<short> w3)
    {
        Vector256<byte> nibble = Vector256.Create((byte)15);
        Vector256<byte> even = (packed.AsUInt16() >>> 4).AsByte() & nibble;
        Vector256<byte> odd = packed & nibble;
        Vector256<byte> evenLow = Avx2.Shuffle(first, even), evenHigh = Avx2.Shuffle(second, even);
        Vector256<byte> oddLow = Avx2.Shuffle(first, odd), oddHigh = Avx2.Shuffle(second, odd);
        w0 = Avx2.UnpackLow(evenLow, evenHigh).AsInt16();
        w1 = Avx2.UnpackLow(oddLow, oddHigh).AsInt16();
        w2 = Avx2.UnpackHigh(evenLow, evenHigh).AsInt16();
        w3 = Avx2.UnpackHigh(oddLow, oddHigh).AsInt16();
    }
}
