namespace LoraSharp.Quantization;

/// <summary>
/// Conversions of half precision with one rule for NaN in every instruction set: sign and upper payload kept, quiet once rounded.
/// </summary>
internal static class HalfBits
{
    public static float ToSingle(ushort bits) =>
        (bits & 0x7FFF) > 0x7C00
            ? BitConverter.UInt32BitsToSingle(((uint)(bits & 0x8000) << 16) | 0x7F800000 | ((uint)(bits & 0x03FF) << 13))
            : (float)BitConverter.UInt16BitsToHalf(bits);

    public static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (bits & 0x7FFFFFFF) > 0x7F800000
            ? (ushort)(((bits >> 16) & 0x8000) | 0x7E00 | ((bits >> 13) & 0x01FF))
            : BitConverter.HalfToUInt16Bits((Half)value);
    }
}
