using static TorchSharp.torch;

namespace LoraSharp.Generation.Processors;

/// <summary>s / t.</summary>
internal sealed class Temperature(double value) : LogitsProcessor
{
    public override Tensor Process(Tensor ids, Tensor scores) => scores / value;
}
