using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

internal sealed unsafe partial class RowKernels<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float Softmax<T>(float* scores, float scale, int start, int end, int count, T* p)
    {
        if (end <= start)
        {
            Unsafe.InitBlockUnaligned(p, 0, (uint)(count * sizeof(T)));
            return 0;
        }

        float shift = Largest(scores + start, end - start) * scale;
        TLanes sums = default;
        int i = start;
        for (; i <= end - TLanes.Count; i += TLanes.Count)
        {
            TLanes e = LanesMath.Exp((TLanes.Load(scores + i) * TLanes.Create(scale)) - TLanes.Create(shift));
            e.Store(scores + i);
            sums += e;
        }

        float sum = sums.Sum();
        for (; i < end; i++)
        {
            Lanes1 e = LanesMath.Exp((Lanes1.Load(scores + i) * Lanes1.Create(scale)) - Lanes1.Create(shift));
            e.Store(scores + i);
            sum += scores[i];
        }

        float factor = 1 / sum;
        for (i = start; i <= end - TLanes.Count; i += TLanes.Count)
        {
            (TLanes.Load(scores + i) * TLanes.Create(factor)).Store(p + i);
        }

        for (; i < end; i++)
        {
            p[i] = Element<T>.FromSingle(scores[i] * factor);
        }

        ClearOutside(p, start, end, count);
        return shift + MathF.Log(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void SoftmaxBackward<T>(float* scores, float scale, float logSum, T* dp, float delta, int start, int end, int count, T* p, T* ds)
    {
        if (end <= start)
        {
            start = end = 0;
        }

        int i = start;
        for (; i <= end - TLanes.Count; i += TLanes.Count)
        {
            SoftmaxBackwardStep<TLanes, T>(scores + i, dp + i, p + i, ds + i, scale, logSum, delta);
        }

        for (; i < end; i++)
        {
            SoftmaxBackwardStep<Lanes1, T>(scores + i, dp + i, p + i, ds + i, scale, logSum, delta);
        }

        ClearOutside(p, start, end, count);
        ClearOutside(ds, start, end, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SoftmaxBackwardStep<V, T>(float* scores, T* dp, T* p, T* ds, float scale, float logSum, float delta)
        where V : struct, ILanes<V>
        where T : unmanaged
    {
        // dp is read before p is written: they may be the same memory.
        V probability = LanesMath.Exp((V.Load(scores) * V.Create(scale)) - V.Create(logSum));
        V gradient = probability * (V.Load(dp) - V.Create(delta)) * V.Create(scale);
        probability.Store(p);
        gradient.Store(ds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest<T>(T* x, int count)
        where T : unmanaged
    {
        float largest = float.NegativeInfinity;
        int i = 0;
        if (count >= TLanes.Count)
        {
            TLanes lanes = TLanes.Load(x);
            for (i = TLanes.Count; i <= count - TLanes.Count; i += TLanes.Count)
            {
                lanes = TLanes.Max(TLanes.Load(x + i), lanes);
            }

            float* each = stackalloc float[TLanes.Count];
            lanes.Store(each);
            for (int lane = 0; lane < TLanes.Count; lane++)
            {
                largest = each[lane] > largest ? each[lane] : largest;
            }
        }

        for (; i < count; i++)
        {
            float value = Element<T>.ToSingle(x[i]);
            largest = value > largest ? value : largest;
        }

        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ClearOutside<T>(T* row, int start, int end, int count)
        where T : unmanaged
    {
        Unsafe.InitBlockUnaligned(row, 0, (uint)(start * sizeof(T)));
        Unsafe.InitBlockUnaligned(row + end, 0, (uint)((count - end) * sizeof(T)));
    }
}
