using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>Root-mean-square normalisation (Zhang and Sennrich 2019): y = w · round(x · rstd), or (1 + w) · x · rstd in float32 with a unit offset; rstd = 1 / sqrt(mean(x²) + eps) is kept for each row. Element types are float, Half and BFloat16; arithmetic is in float32.</summary>
internal static unsafe class NormKernels
{
    /// <summary>Norms rows and keeps their rstd.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RmsNorm<TLanes, T>(T* x, T* w, T* y, float* rstd, long rows, int columns, float eps, bool unitOffset)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        for (long row = 0; row < rows; row++, x += columns, y += columns)
        {
            float r = 1 / MathF.Sqrt((RowSums.Product<TLanes, T>(x, x, columns) / columns) + eps);
            rstd[row] = r;
            int i = 0;
            for (; i <= columns - TLanes.Count; i += TLanes.Count)
            {
                NormStep<TLanes, T>(x + i, w + i, y + i, r, unitOffset);
            }

            for (; i < columns; i++)
            {
                NormStep<Lanes1, T>(x + i, w + i, y + i, r, unitOffset);
            }
        }
    }

    /// <summary>The gradient to x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RmsNormBackward<TLanes, T>(T* x, T* w, float* rstd, T* dy, T* dx, long rows, int columns, bool unitOffset)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        float offset = unitOffset ? 1 : 0;
        for (long row = 0; row < rows; row++, x += columns, dy += columns, dx += columns)
        {
            TLanes sums = default;
            int i = 0;
            for (; i <= columns - TLanes.Count; i += TLanes.Count)
            {
                sums += TLanes.Load(x + i) * (TLanes.Load(dy + i) * (TLanes.Load(w + i) + TLanes.Create(offset)));
            }

            float sum = sums.Sum();
            for (; i < columns; i++)
            {
                sum += Element<T>.ToSingle(x[i]) * (Element<T>.ToSingle(dy[i]) * (Element<T>.ToSingle(w[i]) + offset));
            }

            float r = rstd[row], c = sum * r * r / columns;
            for (i = 0; i <= columns - TLanes.Count; i += TLanes.Count)
            {
                NormBackwardStep<TLanes, T>(x + i, w + i, dy + i, dx + i, r, c, offset);
            }

            for (; i < columns; i++)
            {
                NormBackwardStep<Lanes1, T>(x + i, w + i, dy + i, dx + i, r, c, offset);
            }
        }
    }

    /// <summary>Adds the gradient to w to <paramref name="dw"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RmsNormWeightBackward<TLanes, T>(T* x, float* rstd, T* dy, float* dw, long rows, int columns)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        for (long row = 0; row < rows; row++, x += columns, dy += columns)
        {
            int i = 0;
            for (; i <= columns - TLanes.Count; i += TLanes.Count)
            {
                (TLanes.Load(dw + i) + (TLanes.Load(dy + i) * (TLanes.Load(x + i) * TLanes.Create(rstd[row])))).Store(dw + i);
            }

            for (; i < columns; i++)
            {
                dw[i] += Element<T>.ToSingle(dy[i]) * (Element<T>.ToSingle(x[i]) * rstd[row]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NormStep<V, T>(T* x, T* w, T* y, float r, bool unitOffset)
        where V : struct, ILanes<V>
        where T : unmanaged
    {
        V normalized = V.Load(x) * V.Create(r);
        if (unitOffset)
        {
            (normalized * (V.Load(w) + V.Create(1f))).Store(y);
        }
        else
        {
            // Rounded to the input's type first, as the reference does.
            normalized.Store(y);
            (V.Load(y) * V.Load(w)).Store(y);
        }
    }

    // dx = r·(g − x·r²·mean(g·x)), where g is the gradient to the normalised value.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NormBackwardStep<V, T>(T* x, T* w, T* dy, T* dx, float r, float c, float offset)
        where V : struct, ILanes<V>
        where T : unmanaged
    {
        V g = V.Load(dy) * (V.Load(w) + V.Create(offset));
        ((g - (V.Load(x) * V.Create(c))) * V.Create(r)).Store(dx);
    }
}
