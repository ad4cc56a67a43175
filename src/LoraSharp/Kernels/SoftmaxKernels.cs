using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>One row of attention scores within [start, end): p = softmax(scale · score) there and 0 elsewhere; an empty range gives zeros. Element types are float, Half and BFloat16; arithmetic is in float32.</summary>
internal static unsafe class SoftmaxKernels
{
    /// <summary>Scores to p. Returns log Σ exp(scale · score), from which the backward pass finds the same p. The scores are overwritten.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Softmax<TLanes, T>(float* scores, float scale, int start, int end, int count, T* p)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        if (end <= start)
        {
            Unsafe.InitBlockUnaligned(p, 0, (uint)(count * sizeof(T)));
            return 0;
        }

        float shift = RowSums.Largest<TLanes, float>(scores + start, end - start) * scale;
        TLanes sums = default;
        int i = start;
        for (; i <= end - TLanes.Count; i += TLanes.Count)
        {
            TLanes e = LanesMath.Exp(TLanes.MultiplyAdd(TLanes.Load(scores + i), TLanes.Create(scale), TLanes.Create(-shift)));
            e.Store(scores + i);
            sums += e;
        }

        float sum = sums.Sum();
        for (; i < end; i++)
        {
            Lanes1 e = LanesMath.Exp(Lanes1.MultiplyAdd(Lanes1.Load(scores + i), Lanes1.Create(scale), Lanes1.Create(-shift)));
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

    /// <summary>p again, and ds = scale · p · (dp − delta), the gradient to the raw scores, where delta = Σ p · dp of the row. p may be the memory of dp, and ds that of the scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SoftmaxBackward<TLanes, T>(float* scores, float scale, float logSum, T* dp, float delta, int start, int end, int count, T* p, T* ds)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
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
        V probability = LanesMath.Exp(V.MultiplyAdd(V.Load(scores), V.Create(scale), V.Create(-logSum)));
        V gradient = probability * (V.Load(dp) - V.Create(delta)) * V.Create(scale);
        probability.Store(p);
        gradient.Store(ds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ClearOutside<T>(T* row, int start, int end, int count)
        where T : unmanaged
    {
        Unsafe.InitBlockUnaligned(row, 0, (uint)(start * sizeof(T)));
        Unsafe.InitBlockUnaligned(row + end, 0, (uint)((count - end) * sizeof(T)));
    }
}
