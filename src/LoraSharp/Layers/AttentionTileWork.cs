using LoraSharp.Interop;
using LoraSharp.Kernels;
using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>The passes over a tile's scores (B·kvHeads, queries·group, keys), row by row.</summary>
internal static unsafe class AttentionTileWork
{
    /// <summary>Scores to probabilities; the logarithms of the rows' sums are kept in their places of <paramref name="logSums"/> (B·kvHeads, T·group).</summary>
    public static void Softmax(Tensor scores, Tensor p, Tensor logSums, AttentionTile tile, AttentionArguments arguments, int kvHeads, int group)
    {
        var work = new SoftmaxWork(scores, p, logSums, new TileRows(tile, arguments.Ranges, kvHeads, group), arguments.Scale);
        RowForms.Run(p.dtype, ref work);
    }

    /// <summary>The gradient to p becomes p in place; <paramref name="ds"/> gets the gradient to the raw scores.</summary>
    public static void SoftmaxBackward(Tensor scores, Tensor logSums, Tensor p, Tensor deltas, Tensor ds, AttentionTile tile, AttentionArguments arguments, int kvHeads, int group)
    {
        var work = new BackwardWork(scores, logSums, p, deltas, ds, new TileRows(tile, arguments.Ranges, kvHeads, group), arguments.Scale);
        RowForms.Run(p.dtype, ref work);
    }

    /// <summary>Σ gradient · output of each query and head, as (B·kvHeads, T·group), from (B, T, heads, headDim).</summary>
    public static Tensor Deltas(Tensor gradient, Tensor output, int kvHeads, int group)
    {
        Tensor deltas = empty([gradient.shape[0] * kvHeads, gradient.shape[1] * group], dtype: ScalarType.Float32);
        var work = new DeltaWork(gradient, output, deltas, kvHeads, group);
        RowForms.Run(gradient.dtype, ref work);
        return deltas;
    }

    // Where the rows of a tile's scores come from.
    private readonly struct TileRows(AttentionTile tile, TokenRanges ranges, int kvHeads, int group)
    {
        public int Keys => tile.Keys;

        /// <summary>Place of a row in (B·kvHeads, T·group), and its range of keys within the tile.</summary>
        public (long Place, int Start, int End) this[long row]
        {
            get
            {
                long inTile = (long)tile.Count * group, head = row / inTile, local = row % inTile, query = tile.First + (local / group);
                long at = ranges.Row(head / kvHeads) + query;
                return ((head * ranges.Tokens * group) + ((long)tile.First * group) + local, ranges.Start[at] - tile.FirstKey, ranges.End[at] - tile.FirstKey);
            }
        }
    }

    private readonly struct SoftmaxWork(Tensor scores, Tensor p, Tensor logSums, TileRows rows, float scale) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            float* from = (float*)TensorMemory.Pointer(scores), sums = (float*)TensorMemory.Pointer(logSums);
            T* to = (T*)TensorMemory.Pointer(p);
            (TileRows tile, float factor, int keys) = (rows, scale, rows.Keys);
            KernelRows.Run(scores.numel() / keys, keys, (start, end) =>
            {
                for (long row = start; row < end; row++)
                {
                    (long place, int first, int last) = tile[row];
                    sums[place] = SoftmaxKernels.Softmax<TLanes, T>(from + (row * keys), factor, first, last, keys, to + (row * keys));
                }
            });
        }
    }

    private readonly struct BackwardWork(Tensor scores, Tensor logSums, Tensor p, Tensor deltas, Tensor ds, TileRows rows, float scale) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            float* from = (float*)TensorMemory.Pointer(scores), sums = (float*)TensorMemory.Pointer(logSums), delta = (float*)TensorMemory.Pointer(deltas);
            T* probabilities = (T*)TensorMemory.Pointer(p), gradient = (T*)TensorMemory.Pointer(ds);
            (TileRows tile, float factor, int keys) = (rows, scale, rows.Keys);
            KernelRows.Run(scores.numel() / keys, keys, (start, end) =>
            {
                for (long row = start; row < end; row++)
                {
                    (long place, int first, int last) = tile[row];
                    long at = row * keys;
                    SoftmaxKernels.SoftmaxBackward<TLanes, T>(from + at, factor, sums[place], probabilities + at, delta[place], first, last, keys, probabilities + at, gradient + at);
                }
            });
        }
    }

    private readonly struct DeltaWork(Tensor gradient, Tensor output, Tensor deltas, int kvHeads, int group) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            T* g = (T*)TensorMemory.Pointer(gradient), o = (T*)TensorMemory.Pointer(output);
            float* to = (float*)TensorMemory.Pointer(deltas);
            long tokens = gradient.shape[1];
            int dim = (int)gradient.shape[3];
            (int kv, int each) = (kvHeads, group);
            KernelRows.Run(gradient.shape[0] * tokens, (long)kv * each * dim, (start, end) =>
            {
                for (long token = start; token < end; token++)
                {
                    long b = token / tokens, t = token % tokens;
                    for (int head = 0; head < kv * each; head++)
                    {
                        long at = ((token * kv * each) + head) * dim;
                        to[((((b * kv) + (head / each)) * tokens) + t) * each + (head % each)] = RowSums.Product<TLanes, T>(g + at, o + at, dim);
                    }
                }
            });
        }
    }
}
