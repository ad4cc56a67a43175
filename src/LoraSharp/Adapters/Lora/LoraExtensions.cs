using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Lora;
using LoraSharp.Adapters.Lora.Combining;
using LoraSharp.Adapters.Lora.Initialization;
using LoraSharp.Files;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>What only LoRA adapters can do, for any TorchSharp module.</summary>
public static class LoraExtensions
{
    /// <summary>Freezes the model and adds a LoRA adapter to its linear layers, which from then on is trained and acts.</summary>
    /// <param name="model">The model; its targeted layers are replaced by adapted ones.</param>
    /// <param name="r">Rank.</param>
    /// <param name="alpha">Numerator of the scaling alpha/r.</param>
    /// <param name="dropout">Dropout on the adapter's input while training.</param>
    /// <param name="targetModules">Which layers; null: the architecture's usual ones (the library's models only).</param>
    /// <param name="adapterName">The adapter's name.</param>
    /// <exception cref="AdapterException">A value is out of range, or no module matches; the model is unchanged then.</exception>
    public static void AddLora(
        this nn.Module model, int r = 8, double alpha = 8, double dropout = 0, TargetModules? targetModules = null, string adapterName = ModuleAdapterExtensions.DefaultAdapter) =>
        model.AddLora(new LoraConfig { R = r, Alpha = alpha, Dropout = dropout, TargetModules = targetModules }, adapterName);

    /// <summary>As the other overload, with every setting.</summary>
    public static void AddLora(this nn.Module model, LoraConfig config, string adapterName = ModuleAdapterExtensions.DefaultAdapter) => model.AddAdapter(config, adapterName);

    /// <summary>
    /// Completes an adapter whose initialisation looks at data (<see cref="LoraInit.FromActivations"/>, <see cref="LoraInit.FromCovariance"/>): the model runs on the batches
    /// with adapters disabled while the inputs of the adapted linear layers are observed. EVA goes through the batches again until its directions have settled, shares
    /// out the ranks by explained variance and takes the adapter off layers that get none.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="batches">Each runs the model once: <c>() => model.Logits(ids)</c>.</param>
    /// <param name="adapterName">The adapter, as it was added, untrained.</param>
    /// <exception cref="AdapterException">There is no such adapter, its initialisation needs no data, or no input reached a layer.</exception>
    public static void InitializeLora(this nn.Module model, IReadOnlyList<Action> batches, string adapterName = ModuleAdapterExtensions.DefaultAdapter)
    {
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentNullException.ThrowIfNull(adapterName);
        ActivationStart.Run(model, adapterName, batches);
    }

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

    /// <summary>
    /// Puts the values of another folder's adapter under the name of one that the model has: no module changes, and nothing is allocated unless the rank differs. Modules
    /// that the new adapter lacks become without effect.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The new adapter's folder.</param>
    /// <param name="adapterName">The name.</param>
    /// <param name="logger">Is told of configuration keys that are not known.</param>
    /// <exception cref="AdapterException">
    /// The new adapter has modules beyond those of the one first loaded under the name, or differs in use_rslora, use_dora, lora_bias, lora_dropout or alpha_pattern, or the
    /// old one is merged; nothing has changed then.
    /// </exception>
    public static void SwapAdapter(this nn.Module model, string folder, string adapterName = ModuleAdapterExtensions.DefaultAdapter, ILogger? logger = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(adapterName);
        LoraSwap.Run(model, folder, adapterName, logger);
    }

    /// <summary>
    /// Saves an adapter whose initialisation changed the base weights (PiSSA, OLoRA, CorDA, ...) as a plain LoRA of twice the rank for the unchanged base, which every
    /// program can load (PEFT's path_initial_model_for_weight_conversion).
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder, created if need be.</param>
    /// <param name="initialFolder">A folder in which the same adapter was saved before training.</param>
    /// <param name="adapterName">The adapter.</param>
    /// <exception cref="AdapterException">There is no such adapter, or the initial folder holds another one.</exception>
    public static void SaveConvertedAdapter(this nn.Module model, string folder, string initialFolder, string adapterName = ModuleAdapterExtensions.DefaultAdapter)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentException.ThrowIfNullOrEmpty(initialFolder);
        ArgumentNullException.ThrowIfNull(adapterName);
        AdapterSet.Require(model).Entry(adapterName);
        AtomicFolder.Write(AdapterFiles.FolderOf(folder, adapterName), temporary => LoraConversion.Write(model, adapterName, initialFolder, temporary));
    }
}
