using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>Functions of lanes that no instruction set has.</summary>
internal static class LanesMath
{
    // Adding it pushes the fraction out of a single, which leaves the nearest whole number.
    private const float RoundingShift = 12582912f;

    private const float Log2E = 1.44269504f, Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    // The range in which the result and the power of two by which it is scaled are normal numbers.
    private const float Smallest = -87.33654f, Largest = 88.02969f;

    /// <summary>
    /// e^x with an error of less than 2 units in the last place (Cephes' polynomial); below -87.3 it stays at 1.2e-38, above 88.0 at 1.7e38. NaN stays NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x)
        where T : struct, ILanes<T>
    {
        x = T.Min(T.Create(Largest), T.Max(T.Create(Smallest), x));
        T whole = T.MultiplyAdd(x, T.Create(Log2E), T.Create(RoundingShift)) - T.Create(RoundingShift);
        x = T.MultiplyAdd(whole, T.Create(-Ln2Low), T.MultiplyAdd(whole, T.Create(-Ln2High), x));
        T p = T.MultiplyAdd(T.Create(1.9875691500e-4f), x, T.Create(1.3981999507e-3f));
        p = T.MultiplyAdd(p, x, T.Create(8.3334519073e-3f));
        p = T.MultiplyAdd(p, x, T.Create(4.1665795894e-2f));
        p = T.MultiplyAdd(p, x, T.Create(1.6666665459e-1f));
        p = T.MultiplyAdd(p, x, T.Create(5.0000001201e-1f));
        return T.MultiplyAdd(p, x * x, x + T.Create(1f)) * T.PowerOfTwo(whole);
    }
}
