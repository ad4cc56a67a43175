using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The convolution over tokens of DeBERTa v2's larger models; paths are relative to the base model.</summary>
/// <param name="Path">Path of the convolution.</param>
/// <param name="Norm">Path of its norm.</param>
/// <param name="Kernel">Width.</param>
/// <param name="Groups">Groups of channels.</param>
/// <param name="Activation">Name of the activation function.</param>
internal sealed record ConvolutionConfig(string Path, string Norm, int Kernel, int Groups, string Activation);

/// <summary>LN(output + act(conv(input))): the convolution reads the layer's input and is added to its output.</summary>
internal sealed class ConvolutionLayer
{
    private readonly ConvolutionConfig _config;
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly Slot _norm;

    public ConvolutionLayer(ConvolutionConfig config, TransformerConfig model, WeightScope weights)
    {
        _config = config;
        int hidden = model.HiddenSize;
        _weight = weights.Parameter(config.Path + ".weight", WeightStart.Random, hidden, hidden / config.Groups, config.Kernel);
        _bias = weights.Parameter(config.Path + ".bias", WeightStart.Zeros, hidden);
        _norm = weights.Norm(config.Norm, model.Norm, hidden);
    }

    public Tensor Forward(Tensor input, Tensor output, Tensor? attentionMask)
    {
        using var scope = NewDisposeScope();
        Tensor mixed = nn.functional.conv1d(input.transpose(1, 2), _weight, _bias, padding: (_config.Kernel - 1) / 2, groups: _config.Groups).transpose(1, 2);
        Tensor? real = attentionMask?.unsqueeze(-1).to(output.dtype);
        mixed = Activation.Find(_config.Activation)(real is null ? mixed : mixed * real);
        Tensor result = _norm.Call(output + mixed);
        return (real is null ? result : result * real).MoveToOuterDisposeScope();
    }
}
