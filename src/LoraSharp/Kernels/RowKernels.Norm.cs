using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>The loops, compiled for one width.</summary>
internal sealed unsafe partial class RowKernels<TLanes> : RowKernels
    where TLanes : struct, ILanes<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void RmsNorm<T>(T* x, T* w, T* y, float* rstd, long rows, int columns, float eps, bool unitOffset)
    {
        for (long row = 0; row < rows; row++, x += columns, y += columns)
        {
            float r = 1 / MathF.Sqrt((Dot(x, x, columns) / columns) + eps);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void RmsNormBackward<T>(T* x, T* w, float* rstd, T* dy, T* dx, long rows, int columns, bool unitOffset)
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void RmsNormWeightBackward<T>(T* x, float* rstd, T* dy, float* dw, long rows, int columns)
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float Dot<T>(T* a, T* b, int count)
    {
        TLanes first = default, second = default;
        int i = 0;
        for (; i <= count - (2 * TLanes.Count); i += 2 * TLanes.Count)
        {
            first += TLanes.Load(a + i) * TLanes.Load(b + i);
            second += TLanes.Load(a + i + TLanes.Count) * TLanes.Load(b + i + TLanes.Count);
        }

        float sum = (first + second).Sum();
        for (; i < count; i++)
        {
            sum += Element<T>.ToSingle(a[i]) * Element<T>.ToSingle(b[i]);
        }

        return sum;
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
