using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Cross entropy of a causal model whose labels are smoothed: (1 − ε)·(−log p_label) + ε·mean over the vocabulary of −log p.</summary>
internal static class LabelSmoothing
{
    /// <summary>Σ over positions whose next label is not −100, divided by N.</summary>
    /// <param name="logits">(batch, length, vocabulary).</param>
    /// <param name="labels">(batch, length), int64; position t is judged by the label at t + 1.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="items">N; null for the number of labels that count here.</param>
    public static Tensor CausalLoss(Tensor logits, Tensor labels, double epsilon, double? items)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor next = labels.narrow(1, 1, labels.size(1) - 1).reshape(-1);
        Tensor scores = logits.narrow(1, 0, logits.size(1) - 1).reshape(-1, logits.size(-1)).to(ScalarType.Float32);
        double n = items ?? next.ne(-100).sum().ToDouble();
        Tensor sum = nn.functional.cross_entropy(scores, next, ignore_index: -100, reduction: nn.Reduction.Sum, label_smoothing: epsilon);
        return (sum / Math.Max(1, n)).MoveToOuterDisposeScope();
    }
}
