using System.Globalization;

namespace LoraSharp.Quantization;

/// <summary>
/// A 16-bit brain float: sign, 8 exponent bits and 7 fraction bits of a single. Spans of <see cref="ushort"/> that hold such values
/// can be reinterpreted with <see cref="System.Runtime.InteropServices.MemoryMarshal.Cast{TFrom, TTo}(Span{TFrom})"/>.
/// </summary>
/// <param name="Bits">The 16 bits, sign bit first.</param>
public readonly record struct BFloat16(ushort Bits)
{
    /// <summary>Rounds to nearest, ties to even; NaN stays NaN (quiet, its sign and upper payload kept), too large becomes infinity.</summary>
    public static explicit operator BFloat16(float value) => new(RoundBits(BitConverter.SingleToUInt32Bits(value)));

    /// <summary>Widens exactly.</summary>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);

    /// <summary>Rounds a single to nearest, ties to even; as the explicit conversion.</summary>
    /// <param name="value">The value to round.</param>
    /// <returns>The nearest brain float.</returns>
    public static BFloat16 FromSingle(float value) => (BFloat16)value;

    /// <summary>Widens exactly; as the implicit conversion.</summary>
    /// <returns>The same value as a single.</returns>
    public float ToSingle() => this;

    /// <inheritdoc/>
    public override string ToString() => ToSingle().ToString(CultureInfo.InvariantCulture);

    internal static ushort RoundBits(uint bits) =>
        (bits & 0x7FFFFFFF) > 0x7F800000
            ? (ushort)((bits >> 16) | 0x0040)
            : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
