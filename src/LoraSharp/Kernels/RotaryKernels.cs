using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>Rotary positions of one head: the first features, which pair at half their number or with their neighbours, are rotated, the others copied. Element types are float, Half and BFloat16; arithmetic is in float32.</summary>
internal static unsafe class RotaryKernels
{
    /// <summary>Rotates x into y; <paramref name="inverse"/>: the gradient of that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rotate<TLanes, T>(T* x, T* cos, T* sin, T* y, int headDim, int rotary, bool interleaved, bool inverse)
        where TLanes : struct, ILanes<TLanes>
        where T : unmanaged
    {
        if (interleaved)
        {
            for (int j = 0; j < rotary; j += 2)
            {
                RotateStep<Lanes1, T>(x + j, x + j + 1, cos + j, cos + j + 1, sin + j, sin + j + 1, y + j, y + j + 1, inverse);
            }
        }
        else
        {
            int half = rotary / 2, j = 0;
            for (; j <= half - TLanes.Count; j += TLanes.Count)
            {
                RotateStep<TLanes, T>(x + j, x + half + j, cos + j, cos + half + j, sin + j, sin + half + j, y + j, y + half + j, inverse);
            }

            for (; j < half; j++)
            {
                RotateStep<Lanes1, T>(x + j, x + half + j, cos + j, cos + half + j, sin + j, sin + half + j, y + j, y + half + j, inverse);
            }
        }

        Unsafe.CopyBlockUnaligned(y + rotary, x + rotary, (uint)((headDim - rotary) * sizeof(T)));
    }

    // (a, b) → (a·c − b·s, b·c' + a·s'); the gradient: (a·c + b·s', b·c' − a·s).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RotateStep<V, T>(T* x1, T* x2, T* c1, T* c2, T* s1, T* s2, T* y1, T* y2, bool inverse)
        where V : struct, ILanes<V>
        where T : unmanaged
    {
        V a = V.Load(x1), b = V.Load(x2);
        V first = a * V.Load(c1), second = b * V.Load(c2);
        if (inverse)
        {
            (first + (b * V.Load(s2))).Store(y1);
            (second - (a * V.Load(s1))).Store(y2);
        }
        else
        {
            (first - (b * V.Load(s1))).Store(y1);
            (second + (a * V.Load(s2))).Store(y2);
        }
    }
}
