using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>The gate h = silu(a) · b (Shazeer 2020). Element types are float, Half and BFloat16; arithmetic is in float32.</summary>
internal static unsafe class GateKernels
{
    /// <summary>h of a and b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SwiGlu<TLanes, T>(T* a, T* b, T* h, long count)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        long i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            GateStep<TLanes, T>(a + i, b + i, h + i);
        }

        for (; i < count; i++)
        {
            GateStep<Lanes1, T>(a + i, b + i, h + i);
        }
    }

    /// <summary>The gradients to a and b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SwiGluBackward<TLanes, T>(T* a, T* b, T* dh, T* da, T* db, long count)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        long i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            GateBackwardStep<TLanes, T>(a + i, b + i, dh + i, da + i, db + i);
        }

        for (; i < count; i++)
        {
            GateBackwardStep<Lanes1, T>(a + i, b + i, dh + i, da + i, db + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GateStep<V, T>(T* a, T* b, T* h)
        where V : struct, ILanes<V>
        where T : unmanaged
    {
        V x = V.Load(a);

        // Rounded before the product, as two operators would.
        (x * Sigmoid(x)).Store(h);
        (V.Load(h) * V.Load(b)).Store(h);
    }

    // silu'(x) = σ·(1 + x·(1 − σ)).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GateBackwardStep<V, T>(T* a, T* b, T* dh, T* da, T* db)
        where V : struct, ILanes<V>
        where T : unmanaged
    {
        V x = V.Load(a), gate = V.Load(b), gradient = V.Load(dh), sigmoid = Sigmoid(x), one = V.Create(1f);
        (gradient * (x * sigmoid)).Store(db);
        (gradient * gate * (sigmoid * (one + (x * (one - sigmoid))))).Store(da);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Sigmoid<V>(V x)
        where V : struct, ILanes<V> => V.Create(1f) / (V.Create(1f) + LanesMath.Exp(default(V) - x));
}
