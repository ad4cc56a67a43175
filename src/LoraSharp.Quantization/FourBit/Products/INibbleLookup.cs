using System.Runtime.Intrinsics;

namespace LoraSharp.Quantization;

/// <summary>How an instruction set looks 64 codes up as 16-bit weights. The two weights of a 32-bit lane are <see cref="Distance"/> columns apart.</summary>
internal unsafe interface INibbleLookup
{
    /// <summary>4: the vectors hold columns 0|4, 1|5, 2|6, 3|7. 2: they hold 0|2, 1|3, 4|6, 5|7.</summary>
    static abstract int Distance { get; }

    static abstract void Tables(short* code, out Vector256<byte> first, out Vector256<byte> second);

    static abstract Vector256<float> Lane(float* x, int lane);

    static abstract void Look(
        Vector256<byte> packed, Vector256<byte> first, Vector256<byte> second, out Vector256<short> w0, out Vector256<short> w1, out Vector256<short> w2, out Vector256<short> w3);
}
