using System.Runtime.CompilerServices;
using LoraSharp.Adapters.Injection;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>The adapters of a whole model: their configurations by name, and the adapted layers. Attached to the model's root module, whatever module that is.</summary>
internal sealed class AdapterSet
{
    private static readonly ConditionalWeakTable<nn.Module, AdapterSet> Attached = [];

    private readonly nn.Module _root;

    private AdapterSet(nn.Module root) => _root = root;

    /// <summary>Configurations in the order of adding.</summary>
    public List<KeyValuePair<string, AdapterConfig>> Configs { get; } = [];

    /// <summary>The adapters that act.</summary>
    public IReadOnlyList<string> Active { get; private set; } = [];

    /// <summary>All adapted layers with their paths.</summary>
    public IEnumerable<(string Path, AdaptedLayer Layer)> Layers =>
        ModuleTree.Walk(_root).Where(node => node.Module is AdaptedLayer).Select(node => (node.Path, (AdaptedLayer)node.Module));

    public static AdapterSet Of(nn.Module root) => Attached.GetValue(root, module => new AdapterSet(module));

    /// <summary>The model's adapters; an error when it has none.</summary>
    public static AdapterSet Require(nn.Module root) =>
        Attached.TryGetValue(root, out AdapterSet? set) && set.Configs.Count > 0
            ? set
            : throw new AdapterException("This model has no adapters. Call AddLora or LoadAdapter first.");

    public AdapterConfig Config(string adapter)
    {
        int index = Configs.FindIndex(pair => pair.Key == adapter);
        return index >= 0
            ? Configs[index].Value
            : throw new AdapterException($"There is no adapter '{adapter}'; the model has {(Configs.Count == 0 ? "none" : string.Join(", ", Configs.Select(p => $"'{p.Key}'")))}.");
    }

    public bool Has(string adapter) => Configs.Exists(pair => pair.Key == adapter);

    /// <summary>Makes these adapters act, and them alone trainable.</summary>
    public void Activate(IReadOnlyList<string> adapters)
    {
        foreach (string adapter in adapters)
        {
            Config(adapter);
        }

        Active = [.. adapters];
        foreach (var (_, layer) in Layers)
        {
            layer.Activate(adapters);
            foreach (string name in layer.AdapterNames)
            {
                bool trains = adapters.Contains(name);
                foreach (var (_, tensor) in layer.FileTensors(name))
                {
                    tensor.requires_grad_(trains);
                }
            }
        }
    }

    /// <summary>Takes all adapted layers out: their base layers, or the active trained copies, take their places.</summary>
    public void Detach(bool keepCopies)
    {
        foreach (ModuleTree.Node node in ModuleTree.Walk(_root).Where(node => node.Module is AdaptedLayer).ToArray())
        {
            ModuleTree.Replace(node, keepCopies && node.Module is TrainedCopy copy ? copy.Acting : ((AdaptedLayer)node.Module).BaseLayer);
        }

        Configs.Clear();
        Active = [];
        Attached.Remove(_root);
    }
}
