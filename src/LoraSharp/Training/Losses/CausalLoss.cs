using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Training.Losses;

/// <summary>
/// Next-token cross entropy that owns the output projection: only positions with a label are projected, a chunk at a time, so the logits of a batch never exist.
/// </summary>
internal static class CausalLoss
{
    public const long Ignored = -100;

    /// <summary>Number of positions that are predicted: labels other than −100 in columns 1 and up.</summary>
    public static long CountPredicted(Tensor labels)
    {
        using var scope = NewDisposeScope();
        return labels.narrow(1, 1, labels.shape[1] - 1).ne(Ignored).sum().item<long>();
    }

    /// <summary>Σ cross entropy / divisor.</summary>
    /// <param name="model">The model whose head projects.</param>
    /// <param name="hidden">(B, T, H) after the final norm.</param>
    /// <param name="labels">(B, T) int64; the label of a position is the next column's, −100: none.</param>
    /// <param name="divisor">Number of labels of the whole window of micro-batches.</param>
    /// <param name="labelSmoothing">Share of the target spread over the vocabulary.</param>
    /// <param name="metrics">Of the plain, unsmoothed distribution.</param>
    /// <returns>A scalar, connected to the graph even when no position has a label.</returns>
    public static Tensor Compute(CausalLM model, Tensor hidden, Tensor labels, double divisor, double labelSmoothing, out TokenMetrics metrics)
    {
        using var scope = NewDisposeScope();

        // A soft prompt's positions stand before the labelled ones.
        hidden = hidden.narrow(1, hidden.shape[1] - labels.shape[1], labels.shape[1]);
        long batch = hidden.shape[0], tokens = hidden.shape[1], width = hidden.shape[2];

        // Row (b, t) of the flattened states predicts label (b, t + 1).
        Tensor shifted = full([batch, tokens], Ignored, dtype: ScalarType.Int64);
        shifted.narrow(1, 0, tokens - 1).copy_(labels.narrow(1, 1, tokens - 1));
        Tensor flat = shifted.view(-1);
        Tensor positions = flat.ne(Ignored).nonzero().view(-1);
        if (positions.shape[0] == 0)
        {
            metrics = default;
            return (hidden.sum() * 0).to(ScalarType.Float32).MoveToOuterDisposeScope();
        }

        Tensor rows = hidden.reshape(-1, width).index_select(0, positions);
        Tensor targets = flat.index_select(0, positions);
        Tensor loss = model.Head is Linear { Weight.Parameter: not null } head && !model.FinishesLogits
            ? ChunkedCrossEntropyFunction.Apply(rows, targets, head, divisor, labelSmoothing, out metrics)
            : ThroughModule(model, rows, targets, divisor, labelSmoothing, out metrics);
        return loss.MoveToOuterDisposeScope();
    }

    // An adapted or copied head, or one whose output is scaled or capped, is left to autograd; its logits exist for the labelled positions only.
    private static Tensor ThroughModule(CausalLM model, Tensor rows, Tensor targets, double divisor, double labelSmoothing, out TokenMetrics metrics)
    {
        Tensor logits = model.ProjectLogits(rows).to(ScalarType.Float32);
        Tensor logProbabilities = nn.functional.log_softmax(logits, -1);
        Tensor nll = logProbabilities.gather(1, targets.unsqueeze(1)).squeeze(1).neg();
        Tensor each = labelSmoothing > 0 ? nll * (1 - labelSmoothing) - logProbabilities.mean([-1]) * labelSmoothing : nll;
        using (no_grad())
        {
            Tensor entropy = (logProbabilities.exp() * logProbabilities).sum(-1).neg().mean();
            Tensor accuracy = logits.argmax(-1).eq(targets).to(ScalarType.Float32).mean();
            metrics = new TokenMetrics(targets.shape[0], entropy.item<float>(), accuracy.item<float>());
        }

        return each.sum() / divisor;
    }
}
