using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Injection;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Planning;

/// <summary>A plan of a method that adapts layers.</summary>
internal class LayerPlan : AdapterPlan
{
    public LayerPlan(LayerMethod method, nn.Module root, AdapterConfig config, string adapter, bool initialize)
        : base(root, config, adapter)
    {
        try
        {
            Build(method, adapter, initialize);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether the adapter may have no targeted module.</summary>
    protected virtual bool TargetsOptional => false;

    /// <summary>The adapted layers.</summary>
    public IEnumerable<LayerPart> Layers => Parts.OfType<LayerPart>();

    /// <summary>Parts besides the layers and copies.</summary>
    protected virtual void AddParts(IReadOnlyList<ModuleTree.Node> nodes, IReadOnlyList<ModuleTree.Node> copies, IReadOnlySet<string> targets, bool initialize)
    {
    }

    /// <summary>Changes of the model's structure that come before the targets are found; undone when the plan is given up.</summary>
    protected virtual void PrepareStructure()
    {
    }

    private void Build(LayerMethod method, string adapter, bool initialize)
    {
        PrepareStructure();
        Config = TargetSelection.Resolve(method, method.Prepare(Config, Root), Root, TargetsOptional);
        ModuleTree.Node[] nodes = [.. ModuleTree.Walk(Root)];
        IReadOnlyList<ModuleTree.Node> copies = TargetSelection.Copies(Config, nodes);
        IReadOnlyList<ModuleTree.Node> targets = TargetSelection.Targets(Config, nodes);
        if (targets.Count == 0 && !TargetsOptional)
        {
            throw TargetSelection.NoMatch(Config, nodes);
        }

        List<(ModuleTree.Node Node, BaseLayer Layer)> layers = [.. targets.Select(node => (node, Require(method, node)))];
        Shared = method.Share(Config, [.. layers.Select(l => l.Layer)]);
        foreach (var (node, layer) in layers)
        {
            Parts.Add(new LayerPart(node, layer, adapter, method.Create(Config, layer, node.Path, Shared, initialize)));
        }

        foreach (ModuleTree.Node node in copies)
        {
            Parts.Add(new CopyPart(node, adapter));
        }

        HashSet<string> paths = [.. targets.Select(node => node.Path)];
        AddParts(nodes, copies, paths, initialize);
        if (Config.BiasesToTrain != AdapterBias.None)
        {
            RequireSoleBiases();
            Parts.Add(new BiasPart(nodes, paths, [.. Parts.OfType<CopyPart>()], Config.BiasesToTrain));
        }

        Config = method.Resolve(Config, Root, [.. paths]);
    }

    private static BaseLayer Require(LayerMethod method, ModuleTree.Node node)
    {
        BaseLayer? layer = BaseLayers.Of(node.Module);
        if (layer is null || !method.CanAdapt(layer))
        {
            throw new AdapterException(
                $"The target '{node.Path}' is a {(node.Module is AdaptedLayer adapted ? adapted.BaseLayer : node.Module).GetType().Name}; {method.PeftType} adapts {method.Takes}. Narrow targetModules down to those.");
        }

        ModuleTree.RequireReplaceable(node);
        return layer;
    }

    private void RequireSoleBiases()
    {
        if (AdapterSet.Of(Root).Entries.Find(entry => entry.BaseParameters.Count > 0) is { } other)
        {
            throw new AdapterException($"The adapter '{other.Name}' trains biases of the base model already; only one adapter can. Set bias to none.");
        }
    }
}
