using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>A layer that can record its node without computing its output, where only gradients will be asked for.</summary>
internal interface IRecomputable
{
    /// <summary>A tensor of the output's shape and type with any values in it, and the node of the layer's operation.</summary>
    Tensor ForBackward(Tensor input);
}
