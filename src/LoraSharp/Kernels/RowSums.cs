using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>What a row comes to: a sum of products, a maximum. In float32.</summary>
internal static unsafe class RowSums
{
    /// <summary>Σ a · b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Product<TLanes, T>(T* a, T* b, int count)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        TLanes first = default, second = default;
        int i = 0;
        for (; i <= count - (2 * TLanes.Count); i += 2 * TLanes.Count)
        {
            first = TLanes.MultiplyAdd(TLanes.Load(a + i), TLanes.Load(b + i), first);
            second = TLanes.MultiplyAdd(TLanes.Load(a + i + TLanes.Count), TLanes.Load(b + i + TLanes.Count), second);
        }

        float sum = (first + second).Sum();
        for (; i < count; i++)
        {
            sum += Element<T>.ToSingle(a[i]) * Element<T>.ToSingle(b[i]);
        }

        return sum;
    }

    /// <summary>The largest element; NaN may be passed over.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest<TLanes, T>(T* x, int count)
        where TLanes : struct, ILanes<TLanes>
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
}
