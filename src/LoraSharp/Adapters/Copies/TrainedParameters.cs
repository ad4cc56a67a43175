using LoraSharp.Adapters.Injection;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Copies;

/// <summary>
/// Full copies of a module's parameters, one for each adapter that trains them (PEFT's modules_to_save). The acting adapter's copy stands in the module's own places,
/// so the forward pass is the module's, whatever module that is.
/// </summary>
internal sealed class TrainedParameters : nn.Module, IAdapterHost, IAdapterStore
{
    private readonly IReadOnlyList<ParameterSlot> _slots;
    private readonly string _keyPrefix;
    private readonly AdapterTable<CopiedTensors> _copies = new();
    private bool _enabled = true;

    /// <param name="slots">The module's parameters.</param>
    /// <param name="keyPrefix">What stands before the parameters' names in an adapter file.</param>
    public TrainedParameters(IReadOnlyList<ParameterSlot> slots, string keyPrefix)
        : base(nameof(TrainedParameters))
    {
        _slots = slots;
        _keyPrefix = keyPrefix;
        register_module("copies", _copies);
    }

    public IReadOnlyCollection<string> AdapterNames => _copies.Names;

    public IReadOnlyList<string> Active { get; private set; } = [];

    public IReadOnlyList<string> Merged => [];

    /// <summary>The parameters of the module itself.</summary>
    public IReadOnlyList<ParameterSlot> Slots => _slots;

    public void Add(string adapter, CopiedTensors copy) => _copies.Add(adapter, copy);

    public void Activate(IReadOnlyList<string> names)
    {
        Active = [.. names.Where(_copies.Contains)];
        Place(Acting);
    }

    public void Enable(bool enabled)
    {
        _enabled = enabled;
        Place(Acting);
    }

    public void SelectRows(AdapterRows? rows) => Place(rows is null ? Acting : null);

    public void RequireRows(string adapter)
    {
        if (_copies.Contains(adapter))
        {
            throw new AdapterException($"The adapter '{adapter}' holds a trained copy of a module that takes more than one tensor; such a copy cannot act on single rows of a batch.");
        }
    }

    public IEnumerable<AdapterTensor> FileTensors(string adapter) => _copies[adapter].Tensors.Select(t => new AdapterTensor(_keyPrefix + t.Path, t.Tensor, t.Tensor is Parameter));

    public void Delete(string adapter)
    {
        CopiedTensors removed = _copies.Remove(adapter);
        Activate([.. Active.Where(name => name != adapter)]);
        removed.Dispose();
    }

    public void CheckMerge(IReadOnlyList<string> adapters, MergeSettings settings)
    {
    }

    // A copy replaces its original whole; there is nothing to add.
    public void Merge(IReadOnlyList<string> adapters, MergeSettings settings)
    {
    }

    public void Unmerge()
    {
    }

    public void Detach(ModuleTree.Node node, bool keepTrained)
    {
        Release(keepTrained);
        node.Module.register_module(TrainedCopy.InsideName, null!);
    }

    /// <summary>Puts an adapter's copy, or the originals, into the module's places.</summary>
    public void Place(string? adapter)
    {
        IReadOnlyList<(string Path, Tensor Tensor)>? copies = adapter is null ? null : _copies[adapter].Tensors;
        for (int i = 0; i < _slots.Count; i++)
        {
            _slots[i].Place(copies is null ? _slots[i].Original() : copies[i].Tensor);
        }
    }

    /// <summary>The adapter whose copy acts, or null.</summary>
    public string? Acting => _enabled && Active.Count > 0 ? Active[^1] : null;

    /// <summary>Leaves the acting copies (or the originals) in the module for good.</summary>
    public void Release(bool keepTrained)
    {
        IReadOnlyList<(string Path, Tensor Tensor)>? kept = keepTrained && Acting is { } acting ? _copies[acting].Tensors : null;
        Place(null);
        for (int i = 0; kept is not null && i < _slots.Count; i++)
        {
            // A parameter of its own, not new values in the old one: that may be tied to another module.
            Tensor value = kept[i].Tensor;
            _slots[i].Install(value is Parameter parameter ? ParameterCopy.Of(parameter) : value.clone().DetachFromDisposeScope());
        }
    }
}

/// <summary>One adapter's copy of a module's parameters and buffers.</summary>
internal sealed class CopiedTensors : nn.Module
{
    public CopiedTensors(IReadOnlyList<ParameterSlot> slots)
        : base(nameof(CopiedTensors))
    {
        var tensors = new List<(string, Tensor)>();
        foreach (ParameterSlot slot in slots)
        {
            using var scope = NewDisposeScope();
            Tensor copy = slot.Original().detach().clone().DetachFromDisposeScope();
            if (slot.IsBuffer)
            {
                register_buffer(slot.Path.Replace('.', '_'), copy);
            }
            else
            {
                copy = ParameterCopy.New(copy);
                register_parameter(slot.Path.Replace('.', '_'), (Parameter)copy);
            }

            tensors.Add((slot.Path, copy));
        }

        Tensors = tensors;
    }

    public IReadOnlyList<(string Path, Tensor Tensor)> Tensors { get; }
}
