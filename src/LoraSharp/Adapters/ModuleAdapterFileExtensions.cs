using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Files;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>Adapter folders in PEFT's format, for any TorchSharp module.</summary>
public static class ModuleAdapterFileExtensions
{
    /// <summary>
    /// Saves an adapter as PEFT's save_pretrained does: the default one into the folder itself, one of another name into a folder of that name below it. The folder is
    /// complete at every moment: the old one until the new one is finished.
    /// </summary>
    public static void SaveAdapter(this nn.Module model, string folder, string adapterName = ModuleAdapterExtensions.DefaultAdapter)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        AdapterSet.Require(model).Config(adapterName);
        string target = adapterName == ModuleAdapterExtensions.DefaultAdapter ? folder : Path.Combine(folder, adapterName);
        AtomicFolder.Write(target, temporary => AdapterFiles.Write(model, adapterName, temporary));
    }

    /// <summary>Adds the adapter of a folder; it acts from then on, and trains when <paramref name="trainable"/>.</summary>
    /// <exception cref="AdapterException">The folder is no adapter's, or does not fit this model; the model is unchanged then.</exception>
    public static void LoadAdapter(this nn.Module model, string folder, string adapterName = ModuleAdapterExtensions.DefaultAdapter, bool trainable = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        AdapterFiles.Load(model, folder, adapterName);
        if (!trainable)
        {
            foreach (var (_, tensor) in AdapterFiles.Tensors(model, adapterName))
            {
                tensor.requires_grad_(false);
            }
        }
    }
}
