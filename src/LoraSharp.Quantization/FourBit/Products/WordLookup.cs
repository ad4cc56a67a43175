using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>AVX-512: 16 words are one register, and a permute reads the low four bits of each index only.</summary>
internal readonly unsafe struct WordLookup : INibbleLookup
{
    // A lane is four packed bytes, that is two words of four codes.
    public static int Distance => 4;

    public static void Tables(short* code, out Vector256<byte> first, out Vector256<byte> second)
    {
        first = Vector256.Load(code).AsByte();
        second = default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lane(float* x, int lane) => Vector256.Load(x + (8 * lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Look(
        Vector256<byte> packed, Vector256<byte> first, Vector256<byte> second, out Vector256<short> w0, out Vector256<short> w1, out Vector256<short> w2, out Vector256<short> w3)
    {
        Vector256<ushort> words = packed.AsUInt16(), table = first.AsUInt16();
        w0 = Avx512BW.VL.PermuteVar16x16(table, words >>> 4).AsInt16();
        w1 = Avx512BW.VL.PermuteVar16x16(table, words).AsInt16();
        w2 = Avx512BW.VL.PermuteVar16x16(table, words >>> 12).AsInt16();
        w3 = Avx512BW.VL.PermuteVar16x16(table, words >>> 8).AsInt16();
    }
}
