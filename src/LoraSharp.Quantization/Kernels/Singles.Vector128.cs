using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LoraSharp.Quantization;

/// <summary>Conversions between element types and 4 singles.</summary>
internal static unsafe class Singles128
{
    /// <summary>Loads 4 elements, widened exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load<T>(T* source)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            return Vector128.Load((float*)source);
        }

        Vector128<uint> bits = Vector128.WidenLower(Vector64.Load((ushort*)source).ToVector128());
        if (typeof(T) == typeof(BFloat16))
        {
            return (bits << 16).AsSingle();
        }

        // Half: exponent and fraction in a single's place, then the exponent bias corrected by an exact product, which normalises denormals too.
        Vector128<uint> magnitude = (bits & Vector128.Create(0x7FFFu)) << 13;
        Vector128<uint> value = (magnitude.AsSingle() * Vector128.Create(5.192296858534828e33f)).AsUInt32();
        Vector128<uint> special = Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x0F800000u));
        value |= special & Vector128.Create(0x7F800000u);
        return (value | ((bits & Vector128.Create(0x8000u)) << 16)).AsSingle();
    }

    /// <summary>Rounds singles that are not NaN to 16-bit floats, ties to even; each result is the lower half of its 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Round<T>(Vector128<float> values)
        where T : unmanaged
    {
        Vector128<uint> bits = values.AsUInt32();
        if (typeof(T) == typeof(BFloat16))
        {
            return (bits + Vector128.Create(0x7FFFu) + ((bits >> 16) & Vector128<uint>.One)) >> 16;
        }

        Vector128<uint> magnitude = bits & Vector128.Create(0x7FFFFFFFu);
        Vector128<uint> normal = (magnitude + Vector128.Create(0xC8000FFFu) + ((magnitude >> 13) & Vector128<uint>.One)) >> 13;

        // Adding 0.5 lets the adder itself round a denormal half to its last place.
        Vector128<uint> denormal = (magnitude.AsSingle() + Vector128.Create(0.5f)).AsUInt32() - Vector128.Create(0x3F000000u);
        Vector128<uint> result = Vector128.ConditionalSelect(Vector128.LessThan(magnitude, Vector128.Create(0x38800000u)), denormal, normal);
        result = Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x47800000u)), Vector128.Create(0x7C00u), result);
        return result | ((bits >> 16) & Vector128.Create(0x8000u));
    }

    /// <summary>Rounds singles, NaN among them, to brain floats in the lower halves of their lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RoundToBFloat16(Vector128<float> values)
    {
        Vector128<uint> bits = values.AsUInt32(), quiet = bits | Vector128.Create(0x00400000u);
        Vector128<uint> rounded = bits + Vector128.Create(0x7FFFu) + ((bits >> 16) & Vector128<uint>.One);
        return Vector128.ConditionalSelect(Vector128.Equals(values, values).AsUInt32(), rounded, quiet) >> 16;
    }

    /// <summary>Stores the lower half of each 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLowHalves(Vector128<uint> lanes, ushort* destination) => *(ulong*)destination = Vector128.Narrow(lanes, lanes).AsUInt64().ToScalar();
}
