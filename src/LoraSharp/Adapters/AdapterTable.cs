using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>The adapters of one layer by name, as a module, so that their parameters are found; unlike TorchSharp's ModuleDict it can change after registration.</summary>
internal sealed class AdapterTable<T> : nn.Module, IAdapterStore
    where T : nn.Module
{
    private readonly Dictionary<string, T> _byName = new(StringComparer.Ordinal);

    public AdapterTable()
        : base(nameof(AdapterTable<T>))
    {
    }

    public IReadOnlyCollection<string> Names => _byName.Keys;

    public T this[string name] => _byName[name];

    public bool Contains(string name) => _byName.ContainsKey(name);

    public void Add(string name, T adapter)
    {
        _byName.Add(name, adapter);
        register_module(name, adapter);
    }

    public T Remove(string name)
    {
        T adapter = _byName[name];
        _byName.Remove(name);
        register_module(name, null!);
        return adapter;
    }
}

/// <summary>Marks a module that holds adapters' tensors inside the model; it is no part of the base.</summary>
internal interface IAdapterStore;
