using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
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
    /// <exception cref="AdapterException">There is no such adapter.</exception>
    public static void SaveAdapter(this nn.Module model, string folder, string adapterName = ModuleAdapterExtensions.DefaultAdapter)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(adapterName);
        AdapterSet.Require(model).Entry(adapterName);
        AtomicFolder.Write(AdapterFiles.FolderOf(folder, adapterName), temporary => AdapterFiles.Write(model, adapterName, temporary));
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
}
