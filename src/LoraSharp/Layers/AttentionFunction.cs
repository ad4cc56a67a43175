using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Layers;

/// <summary>
/// Rotary positions and attention over key ranges as one node: tile by tile of queries, against the keys that the tile sees only, so that memory and, with packed documents or
/// windows, time are linear in tokens. Scores are float32 whatever the type of the activations; the two other products are of that type. Kept for the backward pass: rotated
/// queries and keys, values, the output and one number a query (Dao et al. 2022); scores are formed again there.
/// </summary>
internal sealed class AttentionFunction : SingleTensorFunction<AttentionFunction>
{
    private const string ArgumentsKey = "arguments";

    /// <summary>Queries of a tile: many enough for fast products, few enough that causal attention skips most of what it need not compute. Measured.</summary>
    private const int LargestTile = 128, SmallestTile = 16;

    /// <summary>Scores of a tile, all heads and rows together, so that they stay in the cache.</summary>
    private const long TileScores = 4 << 20;

    public override string Name => nameof(AttentionFunction);

    /// <summary>Whether the types are ones that this node computes with.</summary>
    public static bool Accepts(Tensor query) => query.device_type == DeviceType.CPU && query.dtype is ScalarType.Float32 or ScalarType.BFloat16;

    /// <param name="query">(B, T, heads, headDim), not rotated yet.</param>
    /// <param name="key">(B, T, kvHeads, headDim).</param>
    /// <param name="value">(B, T, kvHeads, headDim).</param>
    /// <param name="arguments">What else there is.</param>
    /// <returns>(B, T, heads·headDim).</returns>
    public static Tensor Apply(Tensor query, Tensor key, Tensor value, AttentionArguments arguments)
    {
        if (is_grad_enabled() && (query.requires_grad || key.requires_grad || value.requires_grad))
        {
            return apply(query, key, value, arguments, arguments.Cos!, arguments.Sin!);
        }

        using var scope = NewDisposeScope();
        return Compute(query, key, value, arguments).Output.MoveToOuterDisposeScope();
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var arguments = (AttentionArguments)vars[3];
        Heads made = Compute((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], arguments);
        Tensor[] kept = [made.Query, made.Key, made.Value, made.Output, made.LogSums];
        ctx.save_for_backward([.. kept.Select(tensor => tensor.MoveToOuterDisposeScope()), .. new[] { arguments.Cos, arguments.Sin }.OfType<Tensor>()]);

        // The tables may be gone by then; the saved ones take their places.
        ctx.save_data(ArgumentsKey, arguments with { Cos = null, Sin = null });
        return made.Output.alias().MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(6, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        var arguments = (AttentionArguments)ctx.get_data(ArgumentsKey);
        if (saved.Count > 5)
        {
            arguments = arguments with { Cos = saved[5], Sin = saved[6] };
        }

        (Tensor query, Tensor key, Tensor value) = Gradients(new Heads(saved[0], saved[1], saved[2], saved[3], saved[4]), grad_output, arguments);
        return [query, key, value, null, null, null];
    });

    private static Heads Compute(Tensor query, Tensor key, Tensor value, AttentionArguments arguments)
    {
        int batch = (int)query.shape[0], tokens = (int)query.shape[1], heads = (int)query.shape[2], kvHeads = (int)key.shape[2], group = heads / kvHeads;
        long dim = query.shape[3];
        Tensor q = HeadLayout.Split(query, kvHeads, arguments, rotate: true), k = HeadLayout.Split(key, kvHeads, arguments, rotate: true);
        Tensor v = HeadLayout.Split(value, kvHeads, arguments, rotate: false);
        Tensor output = empty([batch, tokens, heads * dim], dtype: query.dtype), logSums = empty([batch * kvHeads, tokens * group], dtype: ScalarType.Float32);
        Tensor wideKeys = k.to(ScalarType.Float32), places = output.view(batch, tokens, kvHeads, group, dim);
        foreach (AttentionTile tile in Tiles(arguments.Ranges, batch * heads))
        {
            using var scope = NewDisposeScope();
            Tensor scores = Scores(q, wideKeys, tile, group);
            Tensor p = scores.dtype == query.dtype ? scores : ScratchMemory.Tensor(ScratchUse.Probabilities, scores.shape, query.dtype);
            AttentionTileWork.Softmax(scores, p, logSums, tile, arguments, kvHeads, group);
            Tensor mixed = p.bmm(v.narrow(1, tile.FirstKey, tile.Keys));
            places.narrow(1, tile.First, tile.Count).permute(0, 2, 1, 3, 4).copy_(mixed.view(batch, kvHeads, tile.Count, group, dim));
        }

        return new Heads(q, k, v, output, logSums);
    }

    private static (Tensor Query, Tensor Key, Tensor Value) Gradients(Heads made, Tensor gradOutput, AttentionArguments arguments)
    {
        (Tensor q, Tensor k, Tensor v) = (made.Query, made.Key, made.Value);
        long batch = made.Output.shape[0], tokens = made.Output.shape[1], dim = q.shape[2];
        int kvHeads = (int)(k.shape[0] / batch), group = (int)(q.shape[1] / tokens);
        Tensor grad = gradOutput.to(q.dtype).contiguous().view(batch, tokens, kvHeads * group, dim);
        Tensor g = HeadLayout.Split(grad, kvHeads, arguments, rotate: false);
        Tensor deltas = AttentionTileWork.Deltas(grad, made.Output, kvHeads, group);
        Tensor gradQ = empty_like(q), gradK = zeros_like(k, dtype: ScalarType.Float32), gradV = zeros_like(v, dtype: ScalarType.Float32), wideKeys = k.to(ScalarType.Float32);
        foreach (AttentionTile tile in Tiles(arguments.Ranges, checked((int)batch) * kvHeads * group))
        {
            using var scope = NewDisposeScope();
            Tensor scores = Scores(q, wideKeys, tile, group), gradTile = tile.Queries(g, group), keys = k.narrow(1, tile.FirstKey, tile.Keys);

            // The gradient to p becomes p in place, and float32 scores become their own gradient.
            Tensor p = ScratchMemory.Tensor(ScratchUse.Probabilities, scores.shape, q.dtype);
            TorchOperators.BatchedProductInto(p, gradTile, v.narrow(1, tile.FirstKey, tile.Keys).transpose(1, 2));
            Tensor ds = scores.dtype == q.dtype ? scores : ScratchMemory.Tensor(ScratchUse.ScoreGradients, scores.shape, q.dtype);
            AttentionTileWork.SoftmaxBackward(scores, made.LogSums, p, deltas, ds, tile, arguments, kvHeads, group);
            gradV.narrow(1, tile.FirstKey, tile.Keys).add_(p.transpose(1, 2).bmm(gradTile));
            gradK.narrow(1, tile.FirstKey, tile.Keys).add_(ds.transpose(1, 2).bmm(tile.Queries(q, group)));
            tile.Queries(gradQ, group).copy_(ds.bmm(keys));
        }

        return (HeadLayout.Join(gradQ, (int)batch, arguments, rotate: true), HeadLayout.Join(gradK.to(q.dtype), (int)batch, arguments, rotate: true),
            HeadLayout.Join(gradV.to(q.dtype), (int)batch, arguments, rotate: false));
    }

    // In scratch memory.
    private static Tensor Scores(Tensor q, Tensor wideKeys, AttentionTile tile, int group)
    {
        Tensor queries = tile.Queries(q, group);
        if (queries.dtype != ScalarType.Float32)
        {
            queries = ScratchMemory.Tensor(ScratchUse.Queries, queries.shape, ScalarType.Float32).copy_(queries);
        }

        Tensor scores = ScratchMemory.Tensor(ScratchUse.Scores, [q.shape[0], queries.shape[1], tile.Keys], ScalarType.Float32);
        TorchOperators.BatchedProductInto(scores, queries, wideKeys.narrow(1, tile.FirstKey, tile.Keys).transpose(1, 2));
        return scores;
    }

    private static IEnumerable<AttentionTile> Tiles(TokenRanges ranges, int heads)
    {
        for (int first = 0; first < ranges.Tokens;)
        {
            int size = (int)Math.Clamp(TileScores / ((long)heads * Math.Max(LargestTile, first)), SmallestTile, LargestTile);
            int end = Math.Min(ranges.Tokens, first + size);
            (int start, int last) = ranges.Cover(first, end);
            yield return new AttentionTile(first, end - first, start, last - start);
            first = end;
        }
    }

    // (B·kvHeads, T·group, headDim) for queries, (B·kvHeads, T, headDim) for keys and values.
    private readonly record struct Heads(Tensor Query, Tensor Key, Tensor Value, Tensor Output, Tensor LogSums);
}
