using LoraSharp.Interop;
using LoraSharp.Kernels;
using LoraSharp.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Training.Losses;

/// <summary>
/// Projection to the vocabulary and cross entropy as one autograd node. The gradient of each chunk of rows is formed right after its logits (softmax − target is at hand then), so the backward pass
/// only scales it and nothing of the size of the logits outlives its chunk.
/// </summary>
internal sealed class ChunkedCrossEntropyFunction : SingleTensorFunction<ChunkedCrossEntropyFunction>
{
    // Logits of a chunk: enough rows for fast products, few enough bytes to matter to nobody.
    private const int ChunkBytes = 1 << 25, SmallestChunk = 32, LargestChunk = 512;

    // The node's forward pass runs at once on the calling thread, so a field can carry the second result out.
    [ThreadStatic]
    private static TokenMetrics _metrics;

    public override string Name => nameof(ChunkedCrossEntropyFunction);

    /// <param name="rows">(n, H): the states of the labelled positions.</param>
    /// <param name="targets">(n) int64.</param>
    /// <param name="head">The projection; a quantised one is not trained.</param>
    /// <param name="divisor">The sum is divided by this.</param>
    /// <param name="labelSmoothing">Share of the target spread over the vocabulary.</param>
    /// <param name="metrics">Entropy and accuracy of the plain distribution.</param>
    public static Tensor Apply(Tensor rows, Tensor targets, Linear head, double divisor, double labelSmoothing, out TokenMetrics metrics)
    {
        bool recorded = is_grad_enabled() && (rows.requires_grad || head.Weight.Parameter is { requires_grad: true });
        Tensor loss = apply(rows, head.Weight.Parameter!, head.Bias!, targets.alias(), head, divisor, labelSmoothing, recorded);
        metrics = _metrics;
        return loss;
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor rows = (Tensor)vars[0], targets = (Tensor)vars[3];
        var head = (Linear)vars[4];
        double divisor = (double)vars[5], smoothing = (double)vars[6];
        bool recorded = (bool)vars[7];
        using var scope = NewDisposeScope();
        Parameter? weight = head.Weight.Parameter;
        bool trainsHead = recorded && weight is { requires_grad: true }, trainsBias = recorded && head.Bias is { requires_grad: true };
        Tensor? gradRows = recorded && rows.requires_grad ? empty_like(rows) : null;
        Tensor? gradWeight = trainsHead ? zeros_like(weight!, dtype: ScalarType.Float32) : null;
        Tensor? gradBias = trainsBias ? zeros_like(head.Bias!, dtype: ScalarType.Float32) : null;
        double loss = 0, entropy = 0;
        long correct = 0, count = rows.shape[0];
        long chunk = Math.Clamp(ChunkBytes / (head.Weight.OutFeatures * rows.element_size()), SmallestChunk, LargestChunk);
        for (long at = 0; at < count; at += chunk)
        {
            using var chunkScope = NewDisposeScope();
            long n = Math.Min(chunk, count - at);
            Tensor x = rows.narrow(0, at, n), target = targets.narrow(0, at, n);
            Tensor logits = Logits(head, x);
            (ChunkSums sums, Tensor? narrow) = KernelRows.Accepts(logits) ? ByRows(logits, target, divisor, smoothing, recorded) : ByOperators(logits, target.unsqueeze(1), divisor, smoothing, recorded);
            loss += ((1 - smoothing) * sums.Nll) + (smoothing * sums.Uniform);
            entropy += sums.Entropy;
            correct += sums.Correct;
            if (narrow is null)
            {
                continue;
            }

            gradRows?.narrow(0, at, n).copy_(head.Weight.BackwardInput(narrow));
            gradWeight?.add_(narrow.t().matmul(x.to(narrow.dtype)));
            gradBias?.add_(narrow.sum([0], type: ScalarType.Float32));
        }

        _metrics = new TokenMetrics(count, entropy / count, (double)correct / count);
        ctx.save_for_backward([.. new[] { gradRows, gradWeight?.to(weight!.dtype), gradBias?.to(head.Bias!.dtype) }.OfType<Tensor>().Select(t => t.MoveToOuterDisposeScope())]);
        ctx.save_data("which", new[] { gradRows is not null, gradWeight is not null, gradBias is not null });
        return tensor((float)(loss / divisor)).MoveToOuterDisposeScope();
    }

    private static Tensor Logits(Linear head, Tensor x)
    {
        if (head is not { Weight: DenseWeight { AutocastType: null } dense, Bias: null } || dense.Dtype != x.dtype || !KernelRows.Accepts(x))
        {
            return head.Weight.Forward(x, head.Bias);
        }

        Tensor logits = ScratchMemory.Tensor(ScratchUse.Logits, [x.shape[0], dense.OutFeatures], x.dtype);
        TorchOperators.ProductInto(logits, x, dense.Parameter.t());
        return logits;
    }

    // In place: the logits become their gradient.
    private static (ChunkSums Sums, Tensor? Gradient) ByRows(Tensor logits, Tensor target, double divisor, double smoothing, bool recorded)
    {
        var rows = new LogitRows(logits, target.contiguous());
        (double nll, double uniform, double entropy, long correct) = rows.Measure();
        if (recorded)
        {
            rows.ToGradient((float)(1 / divisor), (float)smoothing);
        }

        return (new ChunkSums(nll, uniform, entropy, correct), recorded ? logits : null);
    }

    private static (ChunkSums Sums, Tensor? Gradient) ByOperators(Tensor projected, Tensor target, double divisor, double smoothing, bool recorded)
    {
        Tensor logits = projected.to(ScalarType.Float32), logSum = logits.logsumexp(-1, keepdim: true);
        Tensor nll = (logSum - logits.gather(1, target)).sum();
        double uniform = smoothing > 0 ? (logSum - logits.mean([-1], keepdim: true)).sum().item<float>() : 0;
        long correct = logits.argmax(-1, keepdim: true).eq(target).sum().item<long>();
        Tensor probabilities = (logits - logSum).exp_();
        double entropy = (logSum.squeeze(1) - (probabilities * logits).sum(-1)).sum().item<float>();
        var sums = new ChunkSums(nll.item<float>(), uniform, entropy, correct);
        if (!recorded)
        {
            return (sums, null);
        }

        // d loss / d logits = p − (1 − ε)·onehot − ε/V, over the divisor.
        Tensor grad = probabilities.scatter_add_(1, target, full_like(target, smoothing - 1, dtype: ScalarType.Float32));
        if (smoothing > 0)
        {
            grad.sub_(smoothing / logits.shape[1]);
        }

        return (sums, grad.mul_(1 / divisor).to(projected.dtype));
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(8, grad_output, () =>
    {
        var which = (bool[])ctx.get_data("which");
        List<Tensor> saved = ctx.get_saved_variables();
        var gradients = new Tensor?[8];
        for (int i = 0, next = 0; i < which.Length; i++)
        {
            if (which[i])
            {
                gradients[i] = saved[next] * grad_output.to(saved[next].dtype);
                next++;
            }
        }

        return gradients;
    });

    private readonly record struct ChunkSums(double Nll, double Uniform, double Entropy, long Correct);
}
