using LoraSharp.Interop;
using LoraSharp.Kernels;
using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// Between the layout of projections, (B, T, heads, headDim), and that of attention's products, (B·kvHeads, T·group, headDim), where the queries that share keys follow each
/// other; rotary positions are applied on the way.
/// </summary>
internal static unsafe class HeadLayout
{
    /// <summary>(B, T, heads, headDim) → (B·kvHeads, T·group, headDim).</summary>
    public static Tensor Split(Tensor x, int kvHeads, AttentionArguments arguments, bool rotate)
    {
        using var scope = NewDisposeScope();
        long batch = x.shape[0], tokens = x.shape[1], heads = x.shape[2], dim = x.shape[3];
        Tensor made = empty([batch * kvHeads, tokens * (heads / kvHeads), dim], dtype: x.dtype);
        var work = new Work(x.contiguous(), made, (int)tokens, (int)heads, kvHeads, rotate ? arguments : null, joins: false);
        RowForms.Run(x.dtype, ref work);
        return made.MoveToOuterDisposeScope();
    }

    /// <summary>(B·kvHeads, T·group, headDim) → (B, T, heads, headDim), with the gradient of the rotation.</summary>
    public static Tensor Join(Tensor x, int batch, AttentionArguments arguments, bool rotate)
    {
        using var scope = NewDisposeScope();
        int tokens = arguments.Ranges.Tokens, kvHeads = (int)(x.shape[0] / batch), heads = kvHeads * (int)(x.shape[1] / tokens);
        Tensor made = empty([batch, tokens, heads, x.shape[2]], dtype: x.dtype);
        var work = new Work(made, x, tokens, heads, kvHeads, rotate ? arguments : null, joins: true);
        RowForms.Run(x.dtype, ref work);
        return made.MoveToOuterDisposeScope();
    }

    private readonly struct Work(Tensor joined, Tensor split, int tokens, int heads, int kvHeads, AttentionArguments? rotation, bool joins) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            using var scope = NewDisposeScope();
            T* flat = (T*)TensorMemory.Pointer(joined), grouped = (T*)TensorMemory.Pointer(split), cos = null, sin = null;
            int dim = (int)split.shape[2], rotary = 0, group = heads / kvHeads, all = heads, kv = kvHeads;
            long count = tokens, tableRows = 1;
            bool interleaved = false, inverse = joins;
            if (rotation is { Cos: { } table })
            {
                rotary = (int)table.shape[^1];
                tableRows = table.shape[0];
                interleaved = rotation.Interleaved;
                cos = (T*)TensorMemory.Pointer(table.contiguous());
                sin = (T*)TensorMemory.Pointer(rotation.Sin!.contiguous());
            }

            KernelRows.Run(joined.shape[0] * count, (long)all * dim, (start, end) =>
            {
                for (long token = start; token < end; token++)
                {
                    long b = token / count, t = token % count;
                    long angle = ((tableRows == 1 ? 0 : b * count) + t) * rotary;
                    for (int head = 0; head < all; head++)
                    {
                        T* one = flat + (((token * all) + head) * dim);
                        T* other = grouped + (((((b * kv) + (head / group)) * count + t) * group + (head % group)) * dim);
                        T* from = inverse ? other : one, to = inverse ? one : other;
                        RotaryKernels.Rotate<TLanes, T>(from, cos + angle, sin + angle, to, dim, rotary, interleaved, inverse);
                    }
                }
            });
        }
    }
}
