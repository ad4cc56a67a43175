using static TorchSharp.torch;

namespace LoraSharp.Generation.Processors;

/// <summary>Once for each distinct id that occurred: s · p when negative, s / p otherwise. Left padding does not count.</summary>
internal sealed class RepetitionPenalty(double penalty, IReadOnlyList<int> padding) : LogitsProcessor
{
    public override Tensor Process(Tensor ids, Tensor scores)
    {
        Tensor result = scores.clone();
        for (int row = 0; row < ids.shape[0]; row++)
        {
            int skip = padding.Count > 0 ? padding[row] : 0;
            Tensor seen = ids[row].narrow(0, skip, ids.shape[1] - skip);
            Tensor old = scores[row].index_select(0, seen);
            result[row].index_copy_(0, seen, where(old.lt(0), old * penalty, old / penalty));
        }

        return result;
    }
}
