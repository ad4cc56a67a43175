using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora.Combining;

/// <summary>The element-wise combinations of tensors: sums, pruning, dropping, sign election.</summary>
internal static class TensorCombination
{
    /// <summary>Combines tensors of one shape.</summary>
    /// <param name="options">The kind (its form with or without SVD means the same here), density, sign election.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="masks">For DARE: draws the mask (1: kept) of a tensor by its index.</param>
    public static Tensor Combine(CombinationOptions options, IReadOnlyList<Tensor> tensors, IReadOnlyList<double> weights, Func<int, Tensor> masks)
    {
        double density = options.Density ?? 1;
        switch (options.Type)
        {
            case CombinationType.Linear or CombinationType.Svd:
                return Sum(tensors, weights);
            case CombinationType.MagnitudePrune or CombinationType.MagnitudePruneSvd:
                return Sum(Pruned(), weights);
            case CombinationType.Ties or CombinationType.TiesSvd:
                return Elect(Pruned(), weights, options.MajoritySign);
            case CombinationType.DareLinear or CombinationType.DareLinearSvd:
                return Sum(Dropped(), weights);
            case CombinationType.DareTies or CombinationType.DareTiesSvd:
                return Elect(Dropped(), weights, options.MajoritySign);
            default:
                throw new ArgumentOutOfRangeException(nameof(options), options.Type, "Not an element-wise combination.");
        }

        Tensor[] Pruned() => [.. tensors.Select(tensor => Prune(tensor, density))];
        Tensor[] Dropped() => [.. tensors.Select((tensor, i) => tensor * masks(i).to(tensor.dtype) / density)];
    }

    private static Tensor Sum(IReadOnlyList<Tensor> tensors, IReadOnlyList<double> weights) => tensors.Zip(weights, (tensor, weight) => tensor * weight).Aggregate((sum, next) => sum + next);

    // Keeps the elements of largest magnitude.
    private static Tensor Prune(Tensor tensor, double density)
    {
        if (density >= 1)
        {
            return tensor;
        }

        int kept = (int)(density * tensor.numel());
        Tensor flat = tensor.reshape(-1), mask = zeros_like(flat);
        (_, Tensor largest) = flat.abs().topk(kept, 0, true, true);
        return (flat * mask.index_fill_(0, largest, 1)).view(tensor.shape);
    }

    // Each element is the weighted mean of those tensors whose sign is the elected one. 0 elects +, and agrees with nobody.
    private static Tensor Elect(IReadOnlyList<Tensor> tensors, IReadOnlyList<double> weights, MajoritySign majority)
    {
        Tensor votes = (majority == MajoritySign.Total ? tensors : [.. tensors.Select(tensor => tensor.sign())]).Aggregate((sum, next) => sum + next);
        Tensor elected = votes.ge(0).to(votes.dtype) * 2 - 1;
        Tensor[] agree = [.. tensors.Select(tensor => tensor.sign().eq(elected).to(tensor.dtype))];
        Tensor sum = Sum([.. tensors.Zip(agree, (tensor, mask) => tensor * mask)], weights);
        return sum / agree.Aggregate((count, next) => count + next).clamp_min(1);
    }
}
