namespace LoraSharp.Quantization;

/// <summary>Checks on the scales of a tensor.</summary>
internal static unsafe class FourBitScales
{
    /// <summary>
    /// Whether code values and the scales of blocks [first, end) are finite, so that no product is NaN; NaN has a rounding rule of its own, which the
    /// vector forms leave out. False may also mean that it could not be told cheaply.
    /// </summary>
    public static bool AreFinite<TForm>(in FourBitAddresses weight, long first, long end)
        where TForm : struct, IVectorForm
    {
        if (!float.IsFinite(Magnitude<TForm>(weight.Code, 16)))
        {
            return false;
        }

        if (weight.AbsmaxCodes == null)
        {
            return float.IsFinite(Magnitude<TForm>(weight.Absmax + first, end - first));
        }

        long firstNested = first >> weight.NestedBlockShift;
        long endNested = (end + (1L << weight.NestedBlockShift) - 1) >> weight.NestedBlockShift;
        float bound = (Magnitude<TForm>(weight.NestedCode, DynamicMap.Size) * Magnitude<TForm>(weight.NestedAbsmax + firstNested, endNested - firstNested))
            + MathF.Abs(weight.NestedOffset);
        return float.IsFinite(bound);
    }

    private static float Magnitude<TForm>(float* values, long count)
        where TForm : struct, IVectorForm => BitConverter.UInt32BitsToSingle(TForm.MagnitudeBits(values, checked((int)count)));
}
