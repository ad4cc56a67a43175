using LoraSharp.Adapters;
using LoraSharp.Adapters.Combining;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>New adapters out of others, for any TorchSharp module.</summary>
public static class ModuleCombineExtensions
{
    /// <summary>
    /// Adds an adapter that combines others, neither active nor trained: call <see cref="ModuleAdapterExtensions.SetAdapter"/> to use it. Its alpha is its rank, everything
    /// else follows the first adapter (with rank-stabilised scaling its scaling is √r, as in PEFT). One adapter alone is always combined linearly.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="adapterNames">LoRA adapters of the model.</param>
    /// <param name="weights">A weight for each; negative ones are allowed.</param>
    /// <param name="newName">Name of the new adapter.</param>
    /// <param name="options">How; null: the exact weighted sum.</param>
    /// <exception cref="AdapterException">An adapter is unknown, is no LoRA adapter or does not fit the others; the model is unchanged then.</exception>
    public static void AddWeightedAdapter(
        this nn.Module model, IReadOnlyList<string> adapterNames, IReadOnlyList<double> weights, string newName, CombinationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(adapterNames);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(newName);
        new WeightedCombination(model, adapterNames, weights, options ?? new CombinationOptions(), mask: null).Add(newName);
    }
}
