using LoraSharp.Adapters.Injection;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Planning;

/// <summary>
/// An adapter that is about to be added to a model: its places are found, its tensors made and everything checked when the plan is made; only <see cref="Attach"/>
/// changes the model.
/// </summary>
internal abstract class AdapterPlan : IDisposable
{
    private bool _attached;

    protected AdapterPlan(nn.Module root, AdapterConfig config, string adapter)
    {
        RequireName(adapter);
        config.Validate();
        AdapterSet set = AdapterSet.Of(root);
        if (set.Has(adapter))
        {
            throw new AdapterException($"The model has an adapter '{adapter}' already; choose another name, or delete that one first.");
        }

        if (set.Entries is [{ Config: var first }, ..] && first.PeftType != config.PeftType)
        {
            throw new AdapterException($"The model has {first.PeftType} adapters; adding one of {config.PeftType} is not possible. Call MergeAndUnload or Unload first.");
        }

        Root = root;
        Config = config;
        Adapter = adapter;
    }

    public nn.Module Root { get; }

    public string Adapter { get; }

    /// <summary>The configuration, as it will be saved.</summary>
    public AdapterConfig Config { get; protected set; }

    protected List<PlanPart> Parts { get; } = [];

    /// <summary>What all layers share, or null.</summary>
    public SharedTensors? Shared { get; protected set; }

    /// <summary>The adapter's tensors, which a file may fill before they are attached.</summary>
    public IEnumerable<PlannedTensor> Tensors => Parts.SelectMany(part => part.Tensors());

    /// <summary>Changes the model: the base is frozen as a whole when this is its first adapter.</summary>
    /// <param name="trainable">Whether the adapter's tensors train.</param>
    /// <param name="activate">Whether it acts from now on instead of those that did.</param>
    public void Attach(bool trainable, bool activate)
    {
        AdapterSet set = AdapterSet.Of(Root);
        if (set.Entries.Count == 0)
        {
            foreach (Parameter parameter in Root.parameters())
            {
                parameter.requires_grad_(false);
            }
        }

        var entry = new AdapterEntry(Adapter, Config) { Shared = Shared };
        foreach (PlanPart part in Parts)
        {
            part.Attach(entry);
        }

        _attached = true;
        set.Add(entry);
        OnAttached(entry);
        if (activate)
        {
            set.Activate([Adapter]);
        }

        set.Train(entry, trainable);
        Root.train(Root.training);
    }

    public void Dispose()
    {
        if (!_attached)
        {
            Parts.ForEach(part => part.Discard());
            Shared?.Dispose();
            OnDiscarded();
        }
    }

    protected virtual void OnAttached(AdapterEntry entry)
    {
    }

    protected virtual void OnDiscarded()
    {
    }

    private static void RequireName(string adapter)
    {
        if (string.IsNullOrEmpty(adapter) || adapter == AdapterRows.Base || adapter.Contains('.', StringComparison.Ordinal) || adapter.AsSpan().ContainsAny('/', '\\'))
        {
            throw new AdapterException($"'{adapter}' cannot name an adapter: it becomes part of module and folder names, so it may not be empty, '{AdapterRows.Base}', or hold dots or slashes.");
        }
    }
}
