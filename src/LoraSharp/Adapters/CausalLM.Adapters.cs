using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;

namespace LoraSharp;

public sealed partial class CausalLM
{
    /// <summary>Loads an adapter folder together with the base model that it names.</summary>
    /// <param name="adapterFolder">A folder in PEFT's format.</param>
    /// <param name="options">How the base is loaded.</param>
    /// <param name="baseFolder">The base model's folder; null: the path in adapter_config.json, or a folder of that last name below the one that LORASHARP_MODELS names.</param>
    /// <param name="trainable">Whether the adapter can be trained further.</param>
    /// <exception cref="AdapterException">The folder is no adapter's, or its base cannot be found.</exception>
    public static CausalLM LoadAdapter(string adapterFolder, LoadOptions? options = null, string? baseFolder = null, bool trainable = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(adapterFolder);
        CausalLM model = Load(baseFolder ?? BaseModelLocation.Find(adapterFolder), options);
        try
        {
            model.LoadAdapter(adapterFolder, trainable: trainable);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
