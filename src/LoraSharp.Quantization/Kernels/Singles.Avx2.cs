using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>Conversions between element types and 8 singles.</summary>
internal static unsafe class Singles256
{
    /// <summary>Loads 8 elements, widened exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load<T>(T* source)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            return Vector256.Load((float*)source);
        }

        Vector256<uint> bits = Avx2.ConvertToVector256Int32(Vector128.Load((ushort*)source)).AsUInt32();
        if (typeof(T) == typeof(BFloat16))
        {
            return (bits << 16).AsSingle();
        }

        // Half: exponent and fraction in a single's place, then the exponent bias corrected by an exact product, which normalises denormals too.
        Vector256<uint> magnitude = (bits & Vector256.Create(0x7FFFu)) << 13;
        Vector256<uint> value = (magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f)).AsUInt32();
        Vector256<uint> special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x0F800000u));
        value |= special & Vector256.Create(0x7F800000u);
        return (value | ((bits & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }

    /// <summary>Rounds singles that are not NaN to 16-bit floats, ties to even; each result is the lower half of its 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Round<T>(Vector256<float> values)
        where T : unmanaged
    {
        Vector256<uint> bits = values.AsUInt32();
        if (typeof(T) == typeof(BFloat16))
        {
            return (bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One)) >> 16;
        }

        Vector256<uint> magnitude = bits & Vector256.Create(0x7FFFFFFFu);
        Vector256<uint> normal = (magnitude + Vector256.Create(0xC8000FFFu) + ((magnitude >> 13) & Vector256<uint>.One)) >> 13;

        // Adding 0.5 lets the adder itself round a denormal half to its last place.
        Vector256<uint> denormal = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0x3F000000u);
        Vector256<uint> result = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(0x38800000u)), denormal, normal);
        result = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x47800000u)), Vector256.Create(0x7C00u), result);
        return result | ((bits >> 16) & Vector256.Create(0x8000u));
    }

    /// <summary>Rounds singles, NaN among them, to brain floats in the lower halves of their lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RoundToBFloat16(Vector256<float> values)
    {
        Vector256<uint> bits = values.AsUInt32(), quiet = bits | Vector256.Create(0x00400000u);
        Vector256<uint> rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, quiet) >> 16;
    }

    /// <summary>Stores the lower half of each 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLowHalves(Vector256<uint> lanes, ushort* destination) => Vector128.Narrow(lanes.GetLower(), lanes.GetUpper()).Store(destination);
}
