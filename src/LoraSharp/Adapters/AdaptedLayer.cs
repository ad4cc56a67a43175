using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>
/// A layer of the model with the adapters that were added to it: it stands in the place of the base layer, which it owns. Which adapters act, and which are merged
/// into the base weight, is kept here, layer by layer.
/// </summary>
public abstract class AdaptedLayer : nn.Module<Tensor, Tensor>
{
    private protected AdaptedLayer(string name)
        : base(name)
    {
    }

    /// <summary>The layer that was there before.</summary>
    public abstract nn.Module<Tensor, Tensor> BaseLayer { get; }

    /// <summary>Names of all adapters of this layer.</summary>
    public abstract IReadOnlyCollection<string> AdapterNames { get; }

    /// <summary>The adapters that act, in order. Several add up.</summary>
    public IReadOnlyList<string> Active { get; private set; } = [];

    /// <summary>False while adapters are disabled: the base layer alone acts.</summary>
    public bool Enabled { get; internal set; } = true;

    /// <summary>The adapters that are merged into the base weight.</summary>
    public abstract IReadOnlyList<string> Merged { get; }

    /// <summary>Chooses which adapters act; names that this layer does not have are left out.</summary>
    internal void Activate(IEnumerable<string> names)
    {
        Active = [.. names.Where(AdapterNames.Contains)];
        OnActivated();
    }

    /// <summary>The trained tensors of an adapter under the names that follow the module's path in an adapter file (<c>lora_A.weight</c>).</summary>
    internal abstract IEnumerable<(string Key, Parameter Tensor)> FileTensors(string adapter);

    /// <summary>Removes an adapter.</summary>
    internal abstract void Delete(string adapter);

    /// <summary>Adds adapters' updates to the base weight.</summary>
    internal abstract void Merge(IReadOnlyList<string> adapters, bool safe);

    /// <summary>Takes all merged updates out again.</summary>
    internal abstract void Unmerge();

    private protected virtual void OnActivated()
    {
    }
}
