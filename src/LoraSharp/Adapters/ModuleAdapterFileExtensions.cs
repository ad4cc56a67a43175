using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Lora;
using LoraSharp.Files;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>Adapter folders in PEFT's format, for any TorchSharp module.</summary>
public static class ModuleAdapterFileExtensions
{
    /// <summary>
    /// Saves an adapter as PEFT's save_pretrained does: the default one into the folder itself, one of another name into a folder of that name below it. The folder is
    /// complete at every moment: the old one until the new one is finished.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder, created if need be.</param>
    /// <param name="adapterName">The adapter.</param>
    /// <param name="initialFolder">
    /// A folder with the same adapter as it was before training. Initialisations like PiSSA change the base weights, so their adapters fit no other copy of the base; with
    /// the initial adapter they are saved as a plain LoRA of twice the rank for the unchanged base (PEFT's path_initial_model_for_weight_conversion).
    /// </param>
    /// <exception cref="AdapterException">There is no such adapter, or the initial folder holds another one.</exception>
    public static void SaveAdapter(this nn.Module model, string folder, string adapterName = ModuleAdapterExtensions.DefaultAdapter, string? initialFolder = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(adapterName);
        AdapterSet.Require(model).Entry(adapterName);
        string target = adapterName == ModuleAdapterExtensions.DefaultAdapter ? folder : Path.Combine(folder, adapterName);
        AtomicFolder.Write(target, temporary =>
        {
            if (initialFolder is null)
            {
                AdapterFiles.Write(model, adapterName, temporary);
            }
            else
            {
                LoraConversion.Write(model, adapterName, initialFolder, temporary);
            }
        });
    }

    /// <summary>Adds the adapter of a folder. The first one acts at once, later ones when <see cref="ModuleAdapterExtensions.SetAdapter"/> says so.</summary>
    /// <param name="model">The base model.</param>
    /// <param name="folder">A folder in PEFT's format.</param>
    /// <param name="adapterName">The adapter's name in this model.</param>
    /// <param name="trainable">Whether it can be trained further.</param>
    /// <param name="logger">Is told of configuration keys that are not known, and of signs that the adapter belongs to another base.</param>
    /// <exception cref="AdapterException">The folder is no adapter's, or does not fit this model; the model is unchanged then.</exception>
    public static void LoadAdapter(
        this nn.Module model, string folder, string adapterName = ModuleAdapterExtensions.DefaultAdapter, bool trainable = false, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(adapterName);
        AdapterFiles.Load(model, folder, adapterName, trainable, logger);
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
        HotSwap.Run(model, folder, adapterName, logger);
    }
}
