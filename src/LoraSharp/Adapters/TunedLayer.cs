using LoraSharp.Adapters.Bases;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>A linear layer, embedding or convolution with adapters that change its operation.</summary>
internal sealed class TunedLayer : AdaptedLayer, IRecomputable
{
    private readonly nn.Module<Tensor, Tensor> base_layer;
    private readonly AdapterTable<LayerAdapter> adapters = new();
    private readonly List<string> _merged = [];
    private LayerAdapter[] _acting = [];
    private WeightBackup? _backup;
    private Tensor? _bias;

    public TunedLayer(BaseLayer layer)
        : base(nameof(TunedLayer))
    {
        Base = layer;
        base_layer = layer.Module;
        RegisterComponents();
    }

    /// <summary>The base layer, as adapters see it.</summary>
    public BaseLayer Base { get; }

    public override nn.Module<Tensor, Tensor> BaseLayer => base_layer;

    public override IReadOnlyCollection<string> AdapterNames => adapters.Names;

    public override IReadOnlyList<string> Merged => _merged;

    /// <summary>Sees every input, for initialisations that look at data.</summary>
    public Action<Tensor>? InputObserver { get; set; }

    public LayerAdapter this[string adapter] => adapters[adapter];

    public override Tensor forward(Tensor input) => Forward(input, outputUsed: true);

    Tensor IRecomputable.ForBackward(Tensor input) => Forward(input, outputUsed: false);

    private Tensor Forward(Tensor input, bool outputUsed)
    {
        InputObserver?.Invoke(input);
        if (Rows is { } rows)
        {
            return ForwardRows(input, rows);
        }

        if (_acting.Length == 0 || !Enabled || _merged.Count > 0)
        {
            return base_layer.call(input);
        }

        if (_acting.Length == 1 && _acting[0].ApplyFused(input, Base, outputUsed) is { } fused)
        {
            return fused;
        }

        using var scope = NewDisposeScope();
        Tensor x = input;
        foreach (LayerAdapter adapter in _acting)
        {
            x = adapter.TransformInput(x, Base);
        }

        Tensor output = base_layer.call(x);
        foreach (LayerAdapter adapter in _acting)
        {
            output = adapter.Apply(input, output, Base);
        }

        return output.MoveToOuterDisposeScope();
    }

    public void Add(string name, LayerAdapter adapter)
    {
        adapters.Add(name, adapter);
        adapter.train(training);
    }

    /// <summary>Puts another adapter under a name, when its sizes have changed.</summary>
    public void Exchange(string name, LayerAdapter adapter)
    {
        adapters.Remove(name).Dispose();
        Add(name, adapter);
        OnChanged();
    }

    // The base computes the whole batch once; each adapter then works on its own rows.
    private Tensor ForwardRows(Tensor input, AdapterRows rows)
    {
        using var scope = NewDisposeScope();
        rows.RequireBatch(input);
        (LayerAdapter Adapter, Tensor Rows)[] groups = [.. rows.Groups.Where(group => adapters.Contains(group.Adapter)).Select(group => (adapters[group.Adapter], group.Rows))];
        Tensor x = input;
        foreach (var (adapter, indices) in groups.Where(group => group.Adapter.ChangesInput))
        {
            x = x.index_copy(0, indices, adapter.TransformInput(input.index_select(0, indices), Base));
        }

        Tensor output = base_layer.call(x);
        foreach (var (adapter, indices) in groups)
        {
            output = output.index_copy(0, indices, adapter.Apply(input.index_select(0, indices), output.index_select(0, indices), Base));
        }

        return output.MoveToOuterDisposeScope();
    }

    private protected override void OnChanged() => _acting = [.. Active.Select(name => adapters[name])];

    private protected override IEnumerable<AdapterTensor> FileTensors(string adapter) => adapters[adapter].FileTensors();

    private protected override void Remove(string adapter)
    {
        if (_merged.Contains(adapter))
        {
            throw new AdapterException($"The adapter '{adapter}' is merged into the base weights; call UnmergeAdapter before deleting it.");
        }

        adapters.Remove(adapter).Dispose();
    }

    private protected override void RequireRows(string adapter)
    {
        if (adapters.Contains(adapter) && adapters[adapter].RowRefusal is { } reason)
        {
            throw new AdapterException($"The adapter '{adapter}' cannot act on single rows of a batch: {reason}.");
        }
    }

    private protected override void CheckMerge(IReadOnlyList<string> names, MergeSettings settings)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor? weight = null, original = null;
        foreach (string name in NotMerged(names))
        {
            adapters[name].RequireMergeable(Base, name);
            if (settings.Safe)
            {
                original ??= Original();
                weight = adapters[name].Merge(weight ?? Base.Weight(Base.Dtype), original, Base, RoundUpdate(settings)).to(Base.Dtype);
                if (!weight.isfinite().all().item<bool>())
                {
                    throw new AdapterException($"Adapter '{name}' would make the weight hold NaN or infinite values; nothing was merged. Do not merge this adapter.");
                }
            }
        }
    }

    private protected override void Merge(IReadOnlyList<string> names, MergeSettings settings)
    {
        foreach (string name in NotMerged(names))
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            LayerAdapter adapter = adapters[name];
            Tensor original = Original();
            if (_merged.Count == 0)
            {
                _backup = Base.BeginChange(Base.Parameter is { } parameter && settings.Shared.Contains(parameter.Handle), settings.KeepOriginal);
                _bias = settings.KeepOriginal && Base.Bias is { } bias ? bias.detach().clone().DetachFromDisposeScope() : null;
            }

            if (settings.Into is { } into && Base is LinearBase { IsQuantized: true } quantized)
            {
                Tensor sum = adapter.Merge(Base.Weight(ScalarType.Float32), original.to(ScalarType.Float32), Base, roundUpdate: false);
                quantized.Linear.ReplaceWeight(DenseWeight.Frozen(sum.to(into)));
            }
            else
            {
                Base.Assign(adapter.Merge(Base.Weight(Base.Dtype), original, Base, RoundUpdate(settings)));
            }

            SetBias(adapter.MergeBias);
            _merged.Add(name);
        }
    }

    private protected override void Unmerge()
    {
        if (_merged.Count == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (_backup is { } backup)
        {
            backup.Restore();
            _backup = null;
        }
        else
        {
            Base.Assign(Unmerged());
        }

        if (_bias is { } bias)
        {
            SetBias(_ => bias);
            bias.Dispose();
            _bias = null;
        }
        else
        {
            foreach (string name in Enumerable.Reverse(_merged))
            {
                SetBias(adapters[name].UnmergeBias);
            }
        }

        _merged.Clear();
    }

    private protected override void OnDetach(bool keepTrained) => Forget();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
        }

        base.Dispose(disposing);
    }

    private IEnumerable<string> NotMerged(IReadOnlyList<string> names) => names.Distinct().Where(name => adapters.Contains(name) && !_merged.Contains(name));

    // Quantised weights are formed anew from the exact sum.
    private bool RoundUpdate(MergeSettings settings) => !Base.IsQuantized && (settings.Safe || Base.RoundsUpdate);

    /// <summary>The weight without merged adapters, in its own type.</summary>
    private Tensor Original() => _merged.Count == 0 ? Base.Weight(Base.Dtype) : _backup is { } backup ? backup.Weight(Base.Dtype) : Unmerged();

    private Tensor Unmerged()
    {
        Tensor weight = Base.Weight(Base.Dtype);
        foreach (string name in Enumerable.Reverse(_merged))
        {
            weight = adapters[name].Unmerge(weight, Base);
        }

        return weight;
    }

    private void SetBias(Func<Tensor, Tensor> change)
    {
        if (Base.Bias is { } bias)
        {
            bias.copy_(change(bias.detach()));
        }
    }

    private void Forget()
    {
        _backup?.Dispose();
        _backup = null;
        _bias?.Dispose();
        _bias = null;
    }
}
