using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using LoraSharp.Adapters.Injection;
using LoraSharp.Adapters.Lora.Initialization;
using LoraSharp.Adapters.Planning;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>Adapters on parameters that belong to no layer of a known kind.</summary>
internal sealed class ParameterPart : PlanPart
{
    private readonly ModuleTree.Node _node;
    private readonly string _adapter;
    private readonly List<(string Name, ParameterBase Base, LoraParameter Value)> _parameters;

    private ParameterPart(ModuleTree.Node node, string adapter, List<(string, ParameterBase, LoraParameter)> parameters)
    {
        _node = node;
        _adapter = adapter;
        _parameters = parameters;
    }

    /// <summary>A part for each module that owns targeted parameters; the weight of a linear layer is adapted as the layer itself.</summary>
    public static IEnumerable<PlanPart> For(LoraConfig config, string adapter, IReadOnlyList<ModuleTree.Node> nodes, IReadOnlySet<string> targets, bool initialize)
    {
        var parts = new List<PlanPart>();
        var unmatched = new HashSet<string>(config.TargetParameters, StringComparer.Ordinal);
        foreach (ModuleTree.Node node in config.TargetParameters.Count > 0 ? nodes : [])
        {
            nn.Module module = node.Module is AdaptedLayer adapted ? adapted.BaseLayer : node.Module;
            string[] names = [.. module.named_parameters(recurse: false).Select(p => p.name).Where(name => Matches($"{node.Path}.{name}"))];
            if (names.Length == 0)
            {
                continue;
            }

            if (targets.Contains(node.Path))
            {
                throw config.Invalid($"'{node.Path}' is among the targets, and so is its parameter '{names[0]}'; choose one");
            }

            parts.Add(BaseLayers.Of(node.Module) is LinearBase linear && names is ["weight"]
                ? new LayerPart(node, linear, adapter, LoraMethod.Instance.Create(config, linear, node.Path, null, initialize))
                : Make(config, adapter, node, module, names, initialize));
        }

        return unmatched.Count == 0
            ? parts
            : throw config.Invalid($"targetParameters names '{unmatched.First()}', but no parameter has that path or path ending");

        bool Matches(string path)
        {
            bool any = false;
            foreach (string target in config.TargetParameters.Where(target => path == target || path.EndsWith("." + target, StringComparison.Ordinal)))
            {
                unmatched.Remove(target);
                any = true;
            }

            return any;
        }
    }

    public override IEnumerable<PlannedTensor> Tensors() =>
        _parameters.SelectMany((p, i) => p.Value.FileTensors().Select(t => new PlannedTensor($"{_node.Path}.{TunedParameters.KeyPrefix(i, _parameters.Count)}{t.Key}", t.Tensor)));

    public override void Attach(AdapterEntry entry)
    {
        if (_node.Module is not TunedParameters tuned)
        {
            tuned = new TunedParameters((nn.Module<Tensor, Tensor>)_node.Module);
            ModuleTree.Replace(_node, tuned);
        }

        foreach (var (name, layer, value) in _parameters)
        {
            tuned.Add(name, layer, _adapter, value);
        }

        entry.Paths.Add(_node.Path);
    }

    public override void Discard() => _parameters.ForEach(p => p.Value.Dispose());

    private static ParameterPart Make(LoraConfig config, string adapter, ModuleTree.Node node, nn.Module module, string[] names, bool initialize)
    {
        if (module is not nn.Module<Tensor, Tensor> owner || node.Module is AdaptedLayer and not TunedParameters || !ModuleTree.IsReplaceable(node))
        {
            throw config.Invalid($"the parameter '{names[0]}' of '{node.Path}' ({module.GetType().Name}) cannot be adapted: its module does not map one tensor to one tensor, or cannot be replaced");
        }

        IReadOnlyList<ParameterSlot> slots = ParameterSlot.Of(module, node.Path);
        var parameters = new List<(string, ParameterBase, LoraParameter)>();
        foreach (string name in names)
        {
            var layer = new ParameterBase(owner, slots.First(slot => slot.Path == name));
            if (layer.Shape.Length is not (2 or 3))
            {
                throw config.Invalid($"the parameter '{node.Path}.{name}' has {layer.Shape.Length} dimensions; LoRA adapts matrices (2) and experts (3)");
            }

            var value = new LoraParameter(layer, LoraMethod.Settings(config, node.Path));
            if (initialize)
            {
                LoraStart.Randomly(value, config.Init);
            }

            parameters.Add((name, layer, value));
        }

        return new ParameterPart(node, adapter, parameters);
    }
}
