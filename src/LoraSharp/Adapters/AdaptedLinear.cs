using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>A linear layer with adapters.</summary>
public sealed class AdaptedLinear : AdaptedLayer
{
    private readonly Layers.Linear base_layer;
    private readonly AdapterTable<LinearAdapter> adapters = new();
    private readonly List<string> _merged = [];
    private LinearWeight? _original;
    private LinearAdapter[] _acting = [];

    internal AdaptedLinear(Layers.Linear baseLayer)
        : base(nameof(AdaptedLinear))
    {
        base_layer = baseLayer;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> BaseLayer => base_layer;

    /// <summary>The base layer.</summary>
    public Layers.Linear Base => base_layer;

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> AdapterNames => adapters.Names;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Merged => _merged;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (_acting.Length == 0 || !Enabled || _merged.Count > 0)
        {
            return base_layer.call(input);
        }

        if (_acting.Length == 1 && _acting[0].ApplyFused(input, base_layer) is { } fused)
        {
            return fused;
        }

        using var scope = NewDisposeScope();
        Tensor output = base_layer.call(input);
        foreach (LinearAdapter adapter in _acting)
        {
            output = adapter.Apply(input, output, base_layer);
        }

        return output.MoveToOuterDisposeScope();
    }

    internal void Add(string name, LinearAdapter adapter)
    {
        adapters.Add(name, adapter);
        adapter.train(training);
    }

    internal LinearAdapter Get(string adapter) => adapters[adapter];

    internal override IEnumerable<(string Key, Parameter Tensor)> FileTensors(string adapter) => adapters[adapter].FileTensors();

    internal override void Delete(string adapter)
    {
        LinearAdapter removed = adapters.Remove(adapter);
        Activate([.. Active]);
        removed.Dispose();
    }

    internal override void Merge(IReadOnlyList<string> names, bool safe)
    {
        foreach (string name in names.Where(name => adapters.Contains(name) && !_merged.Contains(name)))
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            Tensor delta = adapters[name].DeltaWeight(base_layer);
            if (safe && !delta.isfinite().all().item<bool>())
            {
                throw new AdapterException($"The update of adapter '{name}' holds NaN or infinite values; the base weight was not changed. Do not merge this adapter.");
            }

            // The original serves to undo the merge bit for bit: subtracting would leave rounding errors, and worse in a quantised weight.
            _original ??= base_layer.Weight.Clone();
            base_layer.Weight.Add(delta);
            _merged.Add(name);
        }
    }

    internal override void Unmerge()
    {
        if (_original is not { } original)
        {
            return;
        }

        if (base_layer.Weight.Parameter is { } parameter)
        {
            // In place: others may hold this parameter (a tied head, an optimizer).
            using var noGrad = no_grad();
            parameter.copy_(original.Parameter!);
            original.Dispose();
        }
        else
        {
            base_layer.ReplaceWeight(original);
        }

        _original = null;
        _merged.Clear();
    }

    /// <summary>Forgets how to undo a merge, when the base layer takes the adapted layer's place for good.</summary>
    internal void ForgetOriginal()
    {
        _original?.Dispose();
        _original = null;
    }

    private protected override void OnActivated() => _acting = [.. Active.Select(name => adapters[name])];

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            ForgetOriginal();
        }

        base.Dispose(disposing);
    }
}
