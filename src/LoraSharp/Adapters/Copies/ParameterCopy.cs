using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Copies;

/// <summary>Copies of parameters that live as long as the module that takes them.</summary>
internal static class ParameterCopy
{
    public static Parameter Of(Parameter source)
    {
        // What the copy is made from shares its memory, and would keep it until a garbage collection.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return (Parameter)new Parameter(source.detach().clone(), source.requires_grad).DetachFromDisposeScope();
    }

    public static Parameter New(Tensor value) => (Parameter)new Parameter(value).DetachFromDisposeScope();
}
