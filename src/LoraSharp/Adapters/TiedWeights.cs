using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>A matrix that embedding and output head share cannot take the update of one of them: merging there would change the other as well.</summary>
internal static class TiedWeights
{
    public static void Refuse(nn.Module root, AdapterSet set, IReadOnlyList<string> adapters)
    {
        if (root is not IPretrainedModel { TiesWordEmbeddings: true } model)
        {
            return;
        }

        foreach (var (path, layer) in set.Layers)
        {
            if ((path == model.OutputHead || path == model.InputEmbedding) && layer is not TrainedCopy && layer.AdapterNames.Any(adapters.Contains))
            {
                throw new AdapterException(
                    $"'{path}' shares its weight with {(path == model.OutputHead ? model.InputEmbedding : model.OutputHead)}; merging an adapter into it would corrupt the other. Keep the adapter unmerged.");
            }
        }
    }
}
