using System.Runtime.CompilerServices;
using LoraSharp.Adapters.Copies;
using LoraSharp.Adapters.Injection;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>The adapters of a whole model, and the places where they live. Attached to the model's root module, whatever module that is.</summary>
internal sealed class AdapterSet
{
    private static readonly ConditionalWeakTable<nn.Module, AdapterSet> Attached = [];

    private readonly nn.Module _root;
    private (ModuleTree.Node Node, IAdapterHost Host)[] _hosts = [];

    private AdapterSet(nn.Module root) => _root = root;

    /// <summary>The adapters in the order of adding.</summary>
    public List<AdapterEntry> Entries { get; } = [];

    /// <summary>The adapters that act.</summary>
    public IReadOnlyList<string> Active { get; private set; } = [];

    /// <summary>All places of adapters with their paths.</summary>
    public IEnumerable<(string Path, IAdapterHost Host)> Hosts => _hosts.Select(item => (item.Node.Path, item.Host));

    /// <summary>The layers whose operation adapters change, with their paths.</summary>
    public IEnumerable<(string Path, TunedLayer Layer)> Layers => _hosts.Where(item => item.Host is TunedLayer).Select(item => (item.Node.Path, (TunedLayer)item.Host));

    public static AdapterSet Of(nn.Module root)
    {
        ArgumentNullException.ThrowIfNull(root);
        return Attached.GetValue(root, module => new AdapterSet(module));
    }

    /// <summary>The model's adapters; an error when it has none.</summary>
    public static AdapterSet Require(nn.Module root)
    {
        ArgumentNullException.ThrowIfNull(root);
        return Attached.TryGetValue(root, out AdapterSet? set) && set.Entries.Count > 0
            ? set
            : throw new AdapterException("This model has no adapters. Call AddLora or LoadAdapter first.");
    }

    public AdapterEntry Entry(string adapter) =>
        Entries.Find(entry => entry.Name == adapter)
        ?? throw new AdapterException($"There is no adapter '{adapter}'; the model has {(Entries.Count == 0 ? "none" : string.Join(", ", Entries.Select(e => $"'{e.Name}'")))}.");

    public AdapterConfig Config(string adapter) => Entry(adapter).Config;

    public bool Has(string adapter) => Entries.Exists(entry => entry.Name == adapter);

    /// <summary>Takes in an adapter whose parts are in the model already.</summary>
    public void Add(AdapterEntry entry)
    {
        Entries.Add(entry);
        Refresh();
    }

    /// <summary>Makes these adapters act; trainable or not, they stay as they are.</summary>
    public void Activate(IReadOnlyList<string> adapters)
    {
        foreach (string adapter in adapters)
        {
            Entry(adapter);
        }

        Active = [.. adapters.Distinct()];
        foreach (var (_, host) in _hosts)
        {
            host.Activate(Active);
        }

        foreach (AdapterEntry entry in Entries.Where(entry => entry.ModelAdapter is not null))
        {
            entry.ModelAdapter!.Detach(_root);
        }

        foreach (AdapterEntry entry in Entries.Where(entry => Active.Contains(entry.Name)))
        {
            entry.ModelAdapter?.Attach(_root);
        }
    }

    /// <summary>Makes these adapters act, and them alone trainable.</summary>
    public void ActivateForTraining(IReadOnlyList<string> adapters)
    {
        Activate(adapters);
        foreach (AdapterEntry entry in Entries.Where(entry => entry.IsTrained || Active.Contains(entry.Name)))
        {
            Train(entry, Active.Contains(entry.Name));
        }
    }

    /// <summary>Lets the base act alone, or the adapters again.</summary>
    public void Enable(bool enabled)
    {
        foreach (var (_, host) in _hosts)
        {
            host.Enable(enabled);
        }

        foreach (AdapterEntry entry in Entries.Where(entry => Active.Contains(entry.Name)))
        {
            if (enabled)
            {
                entry.ModelAdapter?.Attach(_root);
            }
            else
            {
                entry.ModelAdapter?.Detach(_root);
            }
        }
    }

    /// <summary>Lets an adapter's tensors train, or not.</summary>
    public void Train(AdapterEntry entry, bool trainable)
    {
        entry.IsTrained = trainable;
        foreach (var (_, host) in _hosts.Where(item => item.Host.AdapterNames.Contains(entry.Name)))
        {
            foreach (AdapterTensor tensor in host.FileTensors(entry.Name).Where(tensor => tensor.IsTrained))
            {
                tensor.Tensor.requires_grad_(trainable);
            }
        }

        entry.BaseParameters.ForEach(item => item.Tensor.requires_grad_(trainable));
        foreach (var (_, parameter) in entry.ModelAdapter?.Trained() ?? [])
        {
            parameter.requires_grad_(trainable);
        }
    }

    /// <summary>Removes an adapter; where it was the only one that acted, the first that remains acts.</summary>
    public void Delete(string adapter)
    {
        AdapterEntry entry = Entry(adapter);
        if (_hosts.Any(item => item.Host.Merged.Contains(adapter)))
        {
            throw new AdapterException($"The adapter '{adapter}' is merged into the base weights; call UnmergeAdapter before deleting it.");
        }

        foreach (var (_, host) in _hosts.Where(item => item.Host.AdapterNames.Contains(adapter)))
        {
            host.Delete(adapter);
        }

        entry.ModelAdapter?.Remove(_root);
        entry.Shared?.Dispose();
        RestoreBase(entry);
        Entries.Remove(entry);
        if (Active.Contains(adapter))
        {
            string[] others = [.. Active.Where(name => name != adapter)];
            Activate(others.Length > 0 || Entries.Count == 0 ? others : [Entries[0].Name]);
        }
    }

    /// <summary>Takes all places of adapters out of the model.</summary>
    /// <param name="keepTrained">Whether the acting copies and trained biases stay in the model.</param>
    public void Detach(bool keepTrained)
    {
        foreach (var (node, host) in _hosts)
        {
            host.Detach(node, keepTrained);
        }

        foreach (AdapterEntry entry in Entries)
        {
            entry.ModelAdapter?.Remove(_root);
            entry.Shared?.Dispose();
            if (!keepTrained)
            {
                RestoreBase(entry);
            }
        }

        Entries.Clear();
        Active = [];
        Attached.Remove(_root);
    }

    private void Refresh() =>
        _hosts =
        [
            .. ModuleTree.Walk(_root).SelectMany(node => node.Module is IAdapterHost host
                ? [(node, host)]
                : node.Module.named_children().Select(child => child.module).OfType<TrainedParameters>().Select(inside => (node, (IAdapterHost)inside))),
        ];

    private static void RestoreBase(AdapterEntry entry)
    {
        using var noGrad = no_grad();
        foreach (var (_, parameter, before) in entry.BaseParameters)
        {
            parameter.requires_grad_(false);
            parameter.copy_(before);
            before.Dispose();
        }

        entry.BaseParameters.Clear();
    }
}
