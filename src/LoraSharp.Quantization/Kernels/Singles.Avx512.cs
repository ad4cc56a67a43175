using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>Conversions between element types and 16 singles.</summary>
internal static unsafe class Singles512
{
    /// <summary>Loads 16 elements, widened exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load<T>(T* source)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            return Vector512.Load((float*)source);
        }

        Vector512<uint> bits = Avx512F.ConvertToVector512UInt32(Vector256.Load((ushort*)source));
        if (typeof(T) == typeof(BFloat16))
        {
            return (bits << 16).AsSingle();
        }

        // Half: exponent and fraction in a single's place, then the exponent bias corrected by an exact product, which normalises denormals too.
        Vector512<uint> magnitude = (bits & Vector512.Create(0x7FFFu)) << 13;
        Vector512<uint> value = (magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f)).AsUInt32();
        Vector512<uint> special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x0F800000u));
        value |= special & Vector512.Create(0x7F800000u);
        return (value | ((bits & Vector512.Create(0x8000u)) << 16)).AsSingle();
    }

    /// <summary>Rounds singles that are not NaN to 16-bit floats, ties to even; each result is the lower half of its 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Round<T>(Vector512<float> values)
        where T : unmanaged
    {
        Vector512<uint> bits = values.AsUInt32();
        if (typeof(T) == typeof(BFloat16))
        {
            return RoundInPlace(values) >> 16;
        }

        Vector512<uint> magnitude = bits & Vector512.Create(0x7FFFFFFFu);
        Vector512<uint> normal = (magnitude + Vector512.Create(0xC8000FFFu) + ((magnitude >> 13) & Vector512<uint>.One)) >> 13;

        // Adding 0.5 lets the adder itself round a denormal half to its last place.
        Vector512<uint> denormal = (magnitude.AsSingle() + Vector512.Create(0.5f)).AsUInt32() - Vector512.Create(0x3F000000u);
        Vector512<uint> result = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(0x38800000u)), denormal, normal);
        result = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x47800000u)), Vector512.Create(0x7C00u), result);
        return result | ((bits >> 16) & Vector512.Create(0x8000u));
    }

    /// <summary>Rounds singles, NaN among them, to brain floats in the lower halves of their lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RoundToBFloat16(Vector512<float> values)
    {
        Vector512<uint> bits = values.AsUInt32(), quiet = bits | Vector512.Create(0x00400000u);
        Vector512<uint> rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
        return Vector512.ConditionalSelect(Vector512.Equals(values, values).AsUInt32(), rounded, quiet) >> 16;
    }

    /// <summary>Rounds to brain floats, which are the upper halves of the lanes; the lower halves are noise.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RoundInPlace(Vector512<float> values)
    {
        Vector512<uint> bits = values.AsUInt32();
        return bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
    }

    /// <summary>Stores the lower half of each 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLowHalves(Vector512<uint> lanes, ushort* destination) => Avx512F.ConvertToVector256UInt16(lanes).Store(destination);
}
