using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using LoraSharp.Adapters.Injection;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Planning;

/// <summary>An adapter on a layer.</summary>
internal sealed class LayerPart(ModuleTree.Node node, BaseLayer layer, string adapter, LayerAdapter value) : PlanPart
{
    public string Path => node.Path;

    public BaseLayer Layer => layer;

    public LayerAdapter Value => value;

    public override IEnumerable<PlannedTensor> Tensors() => value.FileTensors().Select(t => new PlannedTensor($"{node.Path}.{t.Key}", t.Tensor));

    public override void Attach(AdapterEntry entry)
    {
        if (node.Module is not TunedLayer tuned)
        {
            tuned = new TunedLayer(layer);
            ModuleTree.Replace(node, tuned);
        }

        tuned.Add(adapter, value);
        entry.Paths.Add(node.Path);
        value.Start?.Invoke(layer);
        value.Start = null;
    }

    public override void Discard() => value.Dispose();
}

/// <summary>A full copy of a module.</summary>
internal sealed class CopyPart : PlanPart
{
    private readonly ModuleTree.Node _node;
    private readonly string _adapter;
    private readonly string _keyPrefix;
    private readonly TrainedParameters? _existing;
    private readonly IReadOnlyList<ParameterSlot> _slots;
    private readonly CopiedTensors _copy;

    public CopyPart(ModuleTree.Node node, string adapter, string keyPrefix = "")
    {
        _node = node;
        _adapter = adapter;
        _keyPrefix = keyPrefix;
        _existing = node.Module is TrainedCopy wrapped ? wrapped.Copies : Inside(node.Module);
        _slots = _existing?.Slots ?? ParameterSlot.Of(node.Module, node.Path);
        if (_slots.Count == 0)
        {
            throw new AdapterException($"'{node.Path}', a {node.Module.GetType().Name}, holds no parameters, so there is nothing to train a copy of.");
        }

        _copy = new CopiedTensors(_slots);
    }

    public string Path => _node.Path;

    public IReadOnlyList<ParameterSlot> Slots => _slots;

    public CopiedTensors Copy => _copy;

    public override IEnumerable<PlannedTensor> Tensors() => _copy.Tensors.Select(t => new PlannedTensor($"{_node.Path}.{_keyPrefix}{t.Path}", t.Tensor));

    public override void Attach(AdapterEntry entry)
    {
        TrainedParameters copies = _existing ?? new TrainedParameters(_slots, _keyPrefix);
        copies.Add(_adapter, _copy);
        entry.Paths.Add(_node.Path);
        if (_existing is not null)
        {
            return;
        }

        if (_node.Module is nn.Module<Tensor, Tensor> plain && ModuleTree.IsReplaceable(_node))
        {
            ModuleTree.Replace(_node, new TrainedCopy(plain, copies));
        }
        else
        {
            _node.Module.register_module(TrainedCopy.InsideName, copies);
        }
    }

    public override void Discard() => _copy.Dispose();

    private static TrainedParameters? Inside(nn.Module module) => module.named_children().Select(child => child.module).OfType<TrainedParameters>().FirstOrDefault();
}
