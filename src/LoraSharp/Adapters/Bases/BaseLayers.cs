using LoraSharp.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Bases;

/// <summary>Recognises the kinds of layers that adapters can change.</summary>
internal static class BaseLayers
{
    /// <summary>Whether a module (or what it adapts) is a linear layer.</summary>
    public static bool IsLinear(nn.Module module) => module is Layers.Linear or TorchSharp.Modules.Linear or TunedLayer { Base: LinearBase };

    /// <summary>The layer behind a module, or null when it is of no kind that adapters know. TorchSharp's own layers are wrapped over the same parameters.</summary>
    public static BaseLayer? Of(nn.Module module) => module switch
    {
        TunedLayer tuned => tuned.Base,
        Layers.Linear linear => new LinearBase(linear),
        TorchSharp.Modules.Linear linear => new LinearBase(new Layers.Linear(new DenseWeight(linear.weight!), linear.bias)),
        Layers.Embedding embedding => new EmbeddingBase(embedding),

        // The padding row of TorchSharp's own embedding cannot be read; it only matters when the table itself trains.
        TorchSharp.Modules.Embedding embedding => new EmbeddingBase(new Layers.Embedding(embedding.weight!)),
        Conv1d or Conv2d or Conv3d => new ConvolutionBase((Convolution)module),
        _ => null,
    };
}
