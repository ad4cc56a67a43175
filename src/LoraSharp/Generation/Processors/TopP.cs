using static TorchSharp.torch;

namespace LoraSharp.Generation.Processors;

/// <summary>In ascending order, drops tokens while their cumulated probability is at most 1 − p; the last always stays (Holtzman et al. 2019).</summary>
internal sealed class TopP(double p) : LogitsProcessor
{
    public override Tensor Process(Tensor ids, Tensor scores)
    {
        (Tensor sorted, Tensor order) = scores.sort(dim: -1, descending: false);
        Tensor drop = nn.functional.softmax(sorted, -1).cumsum(-1).le(1 - p);
        drop.narrow(1, drop.shape[1] - 1, 1).fill_(false);
        return scores.masked_fill(zeros_like(drop).scatter_(1, order, drop), float.NegativeInfinity);
    }
}
