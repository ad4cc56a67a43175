using System.Text.RegularExpressions;
using TorchSharp;

namespace LoraSharp.Training;

/// <summary>Which parameters weight decay leaves alone: those of a LayerNorm, and those whose name speaks of a bias or a norm.</summary>
/// <remarks>
/// Hugging Face's rule. By it the <c>relative_attention_bias.weight</c> of T5 does not decay, while LoRA's A and B and the magnitude of DoRA do.
/// </remarks>
public static partial class WeightDecayRule
{
    /// <summary>Whether a parameter decays.</summary>
    /// <param name="name">Its full name.</param>
    /// <param name="ofLayerNorm">Whether the module that holds it is a layer normalisation (RMS norms are told by their names).</param>
    public static bool Decays(string name, bool ofLayerNorm = false) => !ofLayerNorm && !Exempt().IsMatch(name);

    /// <summary>Whether a module is a layer normalisation, by its class.</summary>
    internal static bool IsLayerNorm(torch.nn.Module module) => module is TorchSharp.Modules.LayerNorm || module.GetType().Name == "LayerNorm";

    [GeneratedRegex(@"bias|layernorm|rmsnorm|(^|\.)norm($|\.)|_norm($|\.)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Exempt();
}
