using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>What kernels need to know of an element type; every test on <c>typeof</c> is decided when the method is compiled.</summary>
internal static class Element<T>
    where T : unmanaged
{
    public static ElementType Type =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16
        : throw new NotSupportedException($"The element type {typeof(T)} is not supported: use float, Half or BFloat16.");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(T value) =>
        typeof(T) == typeof(float) ? (float)(object)value
        : typeof(T) == typeof(Half) ? HalfBits.ToSingle(BitConverter.HalfToUInt16Bits((Half)(object)value))
        : (BFloat16)(object)value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T FromSingle(float value) =>
        typeof(T) == typeof(float) ? (T)(object)value
        : typeof(T) == typeof(Half) ? (T)(object)BitConverter.UInt16BitsToHalf(HalfBits.Round(value))
        : (T)(object)(BFloat16)value;
}
