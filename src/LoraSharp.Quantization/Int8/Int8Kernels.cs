using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>The LLM.int8() kernels of one instruction set. Arguments are validated by the callers.</summary>
internal abstract unsafe class Int8Kernels
{
    /// <summary>
    /// Quantises one row: elements are rounded to half precision; those that reach the threshold (if above 0) count as 0 and set the flag of their
    /// column. Gives the row's largest magnitude.
    /// </summary>
    /// <remarks>The scratch has room for a row.</remarks>
    public abstract float QuantizeRow<T>(T* x, int columns, float threshold, byte* outlierColumns, float* scratch, sbyte* codes)
        where T : unmanaged;

    /// <summary>Rows [firstRow, endRow) of the weight times all rows of x, a multiple of 4: y[m, n] is the exact sum times both scales / 127².</summary>
    public abstract void Multiply(sbyte* w, float* wScale, int firstRow, int endRow, int rows, int columns, sbyte* x, float* xScale, int batch, int xRows, float* y);

    /// <summary>code · (scale / 127), rounded to the element type.</summary>
    public abstract void Dequantize<T>(sbyte* codes, float scale, int count, T* destination)
        where T : unmanaged;
}

/// <summary>The loops, compiled for one form.</summary>
internal sealed unsafe class Int8Kernels<TForm, TLanes> : Int8Kernels
    where TForm : struct, IVectorForm
    where TLanes : struct, ILanes<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float QuantizeRow<T>(T* x, int columns, float threshold, byte* outlierColumns, float* scratch, sbyte* codes)
    {
        Half* half = stackalloc Half[TLanes.Count];
        int k = 0;
        for (; k <= columns - TLanes.Count; k += TLanes.Count)
        {
            Kept<TLanes, T>(x + k, threshold, half, scratch + k, outlierColumns + k);
        }

        for (; k < columns; k++)
        {
            Kept<Lanes1, T>(x + k, threshold, half, scratch + k, outlierColumns + k);
        }

        float absmax = BitConverter.UInt32BitsToSingle(TForm.MagnitudeBits(scratch, columns));

        // Reciprocal first, two roundings. A row of zeros gives 0 · infinity = NaN, which is stored as 0.
        float factor = (1f / absmax) * 127f;
        for (k = 0; k <= columns - TLanes.Count; k += TLanes.Count)
        {
            (TLanes.Load(scratch + k) * TLanes.Create(factor)).StoreInt8(codes + k);
        }

        for (; k < columns; k++)
        {
            (Lanes1.Load(scratch + k) * Lanes1.Create(factor)).StoreInt8(codes + k);
        }

        return absmax;
    }

    public override void Multiply(sbyte* w, float* wScale, int firstRow, int endRow, int rows, int columns, sbyte* x, float* xScale, int batch, int xRows, float* y)
    {
        const float InverseSquare = (float)(1.0 / (127.0 * 127.0));
        int* sums = stackalloc int[4];
        for (int n = firstRow; n < endRow; n++)
        {
            for (int m = 0; m < xRows; m += 4)
            {
                TForm.DotInt8(w + ((long)n * columns), x + ((long)m * columns), columns, columns, sums);
                for (int j = 0; j < 4 && m + j < batch; j++)
                {
                    y[((long)(m + j) * rows) + n] = sums[j] * (xScale[m + j] * wScale[n] * InverseSquare);
                }
            }
        }
    }

    public override void Dequantize<T>(sbyte* codes, float scale, int count, T* destination)
    {
        float factor = scale / 127f;
        for (int k = 0; k < count; k++)
        {
            destination[k] = Element<T>.FromSingle(codes[k] * factor);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Kept<TWidth, T>(T* x, float threshold, Half* half, float* kept, byte* outlierColumns)
        where TWidth : struct, ILanes<TWidth>
        where T : unmanaged
    {
        TWidth.Load(x).Store(half);
        TWidth value = TWidth.Load(half);
        if (threshold > 0)
        {
            TWidth.ZeroFrom(value, threshold, out bool any).Store(kept);
            for (int j = 0; any && j < TWidth.Count; j++)
            {
                if (MathF.Abs(HalfBits.ToSingle(BitConverter.HalfToUInt16Bits(half[j]))) >= threshold)
                {
                    outlierColumns[j] = 1;
                }
            }
        }
        else
        {
            value.Store(kept);
        }
    }
}
