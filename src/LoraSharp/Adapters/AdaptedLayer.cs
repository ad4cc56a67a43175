using LoraSharp.Adapters.Injection;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>
/// A layer of the model with the adapters that were added to it: it stands in the place of the base layer, which it owns. Which adapters act, and which are merged
/// into the base weight, is kept here, layer by layer.
/// </summary>
public abstract class AdaptedLayer : nn.Module<Tensor, Tensor>, IAdapterHost
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
    public bool Enabled { get; private set; } = true;

    /// <summary>The adapters that are merged into the base weight, in order.</summary>
    public virtual IReadOnlyList<string> Merged => [];

    /// <summary>Which adapter acts on which row of the batch, or null: the active ones on all.</summary>
    internal AdapterRows? Rows { get; private set; }

    void IAdapterHost.Activate(IReadOnlyList<string> names)
    {
        Active = [.. names.Where(AdapterNames.Contains)];
        OnChanged();
    }

    void IAdapterHost.Enable(bool enabled)
    {
        Enabled = enabled;
        OnChanged();
    }

    void IAdapterHost.SelectRows(AdapterRows? rows)
    {
        Rows = rows;
        OnChanged();
    }

    IEnumerable<AdapterTensor> IAdapterHost.FileTensors(string adapter) => FileTensors(adapter);

    void IAdapterHost.Delete(string adapter)
    {
        Remove(adapter);
        Active = [.. Active.Where(name => name != adapter)];
        OnChanged();
    }

    void IAdapterHost.RequireRows(string adapter) => RequireRows(adapter);

    void IAdapterHost.CheckMerge(IReadOnlyList<string> adapters, MergeSettings settings) => CheckMerge(adapters, settings);

    void IAdapterHost.Merge(IReadOnlyList<string> adapters, MergeSettings settings) => Merge(adapters, settings);

    void IAdapterHost.Unmerge() => Unmerge();

    void IAdapterHost.Detach(ModuleTree.Node node, bool keepTrained)
    {
        OnDetach(keepTrained);
        ModuleTree.Replace(node, BaseLayer);
    }

    private protected abstract IEnumerable<AdapterTensor> FileTensors(string adapter);

    private protected abstract void Remove(string adapter);

    private protected virtual void OnChanged()
    {
    }

    private protected virtual void RequireRows(string adapter)
    {
    }

    private protected virtual void CheckMerge(IReadOnlyList<string> adapters, MergeSettings settings)
    {
    }

    private protected virtual void Merge(IReadOnlyList<string> adapters, MergeSettings settings)
    {
    }

    private protected virtual void Unmerge()
    {
    }

    private protected virtual void OnDetach(bool keepTrained)
    {
    }
}
