using static TorchSharp.torch;

namespace LoraSharp.Generation.Processors;

/// <summary>−∞ for every score below the k-th largest; ties with the k-th stay.</summary>
internal sealed class TopK(int k) : LogitsProcessor
{
    public override Tensor Process(Tensor ids, Tensor scores)
    {
        Tensor least = scores.topk((int)Math.Min(k, scores.shape[1])).values.narrow(1, Math.Min(k, scores.shape[1]) - 1, 1);
        return scores.masked_fill(scores.lt(least), float.NegativeInfinity);
    }
}
