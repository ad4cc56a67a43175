using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The losses of the tasks' heads, in float32.</summary>
internal static class TaskLoss
{
    /// <summary>Label of a position that does not count.</summary>
    public const long Ignored = -100;

    /// <summary>Cross entropy of logits (..., classes) against labels (...), over those that are not −100.</summary>
    /// <param name="logits">The logits.</param>
    /// <param name="labels">int64.</param>
    /// <param name="count">The sum is divided by this; null: by the number of labels that count.</param>
    public static Tensor CrossEntropy(Tensor logits, Tensor labels, double? count = null)
    {
        using var scope = NewDisposeScope();
        Tensor flat = logits.reshape(-1, logits.shape[^1]).to(ScalarType.Float32), wanted = labels.reshape(-1);
        Tensor loss = count is null
            ? nn.functional.cross_entropy(flat, wanted, ignore_index: Ignored)
            : nn.functional.cross_entropy(flat, wanted, ignore_index: Ignored, reduction: nn.Reduction.Sum) / count.Value;
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The loss of a classifier of sequences, by <c>problem_type</c>: mean squared error for a regression, cross entropy for a single label, binary cross entropy for
    /// several. Without the key: one label is a regression, integer labels are single ones, others several.
    /// </summary>
    public static Tensor Classification(ModelConfig config, Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        bool one = logits.shape[^1] == 1;
        string kind = config.Text("problem_type", one ? "regression" : labels.dtype == ScalarType.Int64 ? "single_label_classification" : "multi_label_classification");
        Tensor values = logits.to(ScalarType.Float32);
        Tensor loss = kind switch
        {
            "regression" => nn.functional.mse_loss(one ? values.squeeze(-1) : values, one ? labels.to(ScalarType.Float32).reshape(-1) : labels.to(ScalarType.Float32)),
            "single_label_classification" => nn.functional.cross_entropy(values, labels.reshape(-1)),
            "multi_label_classification" => nn.functional.binary_cross_entropy_with_logits(values, labels.to(ScalarType.Float32)),
            _ => throw config.Error($"problem_type '{kind}' is not known; it is regression, single_label_classification or multi_label_classification"),
        };
        return loss.MoveToOuterDisposeScope();
    }
}
