using System.Collections.ObjectModel;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// The modules below a module, under paths that are data: model families differ in names, not in code. A list, so that an adapted layer can take a place.
/// </summary>
internal sealed class ModuleTable(nn.Module owner) : Collection<nn.Module<Tensor, Tensor>>
{
    private readonly Dictionary<string, ModuleGroup> _groups = new(StringComparer.Ordinal);

    /// <summary>Whether the module that these belong to is in training mode.</summary>
    public bool IsTraining => owner.training;

    /// <summary>The table of a path below, whose groups are made where they are missing.</summary>
    public ModuleTable At(string path)
    {
        int dot = path.IndexOf('.', StringComparison.Ordinal);
        string first = dot < 0 ? path : path[..dot];
        if (!_groups.TryGetValue(first, out ModuleGroup? group))
        {
            group = new ModuleGroup();
            _groups.Add(first, group);
            owner.register_module(first, group);
        }

        return dot < 0 ? group.Modules : group.Modules.At(path[(dot + 1)..]);
    }

    /// <summary>Puts a module at a path.</summary>
    public Slot Add(string path, nn.Module<Tensor, Tensor> module)
    {
        (ModuleTable table, string name) = Locate(path);
        table.Append(name, module);
        return new Slot(table, table.Count - 1);
    }

    /// <summary>Gives a parameter to the module above the path's last name.</summary>
    public void Add(string path, Parameter parameter)
    {
        parameter.DetachFromDisposeScope();
        (ModuleTable table, string name) = Locate(path);
        table.Append(name, parameter);
    }

    /// <summary>Puts another group into the place of the one at a path, and gives that one back; the order of modules stays.</summary>
    public ModuleGroup Exchange(string path, ModuleGroup replacement)
    {
        (ModuleTable table, string name) = Locate(path);
        return table.ExchangeChild(name, replacement);
    }

    private ModuleGroup ExchangeChild(string name, ModuleGroup replacement)
    {
        ModuleGroup old = _groups[name];
        _groups[name] = replacement;
        (string Name, nn.Module Module)[] children = [.. owner.named_children().SkipWhile(child => child.name != name)];
        foreach (var (child, _) in children)
        {
            owner.register_module(child, null!);
        }

        foreach (var (child, module) in children)
        {
            owner.register_module(child, child == name ? replacement : module);
        }

        return old;
    }

    private void Append(string name, nn.Module<Tensor, Tensor> module)
    {
        owner.register_module(name, module);
        Add(module);
    }

    private void Append(string name, Parameter parameter) => owner.register_parameter(name, parameter);

    private (ModuleTable Table, string Name) Locate(string path)
    {
        int dot = path.LastIndexOf('.');
        return dot < 0 ? (this, path) : (At(path[..dot]), path[(dot + 1)..]);
    }
}

/// <summary>A named level of the tree of modules without a computation of its own (<c>self_attn</c>, <c>attention.output</c>).</summary>
internal sealed class ModuleGroup : nn.Module
{
    public ModuleGroup()
        : base(nameof(ModuleGroup)) => Modules = new ModuleTable(this);

    public ModuleTable Modules { get; }
}

/// <summary>A place in the tree of modules; what computes there is whatever stands there now, the layer itself or an adapted one.</summary>
internal readonly record struct Slot(ModuleTable Table, int Index)
{
    public nn.Module<Tensor, Tensor> Module => Table[Index];

    public Tensor Call(Tensor x) => Table[Index].call(x);

    /// <summary>The same where nothing but gradients comes of the output; see <see cref="IRecomputable"/>.</summary>
    public Tensor CallForBackward(Tensor x) => Table[Index] is IRecomputable layer ? layer.ForBackward(x) : Call(x);
}
