using LoraSharp.Adapters.Bases;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>
/// A module whose parameters adapters change one by one (PEFT's target_targets): while it runs, W + ΔW stands in the place of each. Several parameters count as
/// nested layers in a file, the first innermost.
/// </summary>
internal sealed class TunedParameters : AdaptedLayer
{
    private readonly nn.Module<Tensor, Tensor> base_layer;
    private readonly List<(string Name, ParameterBase Base, AdapterTable<DeltaAdapter> Adapters)> _targets = [];
    private readonly List<string> _merged = [];
    private readonly List<WeightBackup?> _backups = [];

    public TunedParameters(nn.Module<Tensor, Tensor> module)
        : base(nameof(TunedParameters))
    {
        base_layer = module;
        RegisterComponents();
    }

    public override nn.Module<Tensor, Tensor> BaseLayer => base_layer;

    public override IReadOnlyCollection<string> AdapterNames => [.. _targets.SelectMany(p => p.Adapters.Names).Distinct()];

    public override IReadOnlyList<string> Merged => _merged;

    public override Tensor forward(Tensor input)
    {
        if (Rows is not null || !Enabled || Active.Count == 0 || _merged.Count > 0)
        {
            return base_layer.call(input);
        }

        using var scope = NewDisposeScope();
        try
        {
            foreach (var (_, parameter, adapters) in _targets)
            {
                Tensor weight = parameter.Parameter!;
                foreach (string name in Active.Where(adapters.Contains))
                {
                    weight = weight + adapters[name].Delta(parameter).to(weight.dtype);
                }

                if (!ReferenceEquals(weight, parameter.Parameter))
                {
                    // A parameter by type only: autograd goes on to the adapter's matrices.
                    parameter.Slot.Place(new Parameter(weight, weight.requires_grad));
                }
            }

            return base_layer.call(input).MoveToOuterDisposeScope();
        }
        finally
        {
            foreach (var (_, parameter, _) in _targets)
            {
                parameter.Slot.Place(parameter.Parameter!);
            }
        }
    }

    /// <summary>The adapter of a parameter.</summary>
    public DeltaAdapter Get(string parameter, string adapter) => _targets.Find(p => p.Name == parameter).Adapters[adapter];

    /// <summary>Names of the parameters of an adapter.</summary>
    public IEnumerable<string> ParametersOf(string adapter) => _targets.Where(p => p.Adapters.Contains(adapter)).Select(p => p.Name);

    public void Add(string parameter, ParameterBase layer, string adapter, DeltaAdapter value)
    {
        int index = _targets.FindIndex(p => p.Name == parameter);
        if (index < 0)
        {
            index = _targets.Count;
            _targets.Add((parameter, layer, new AdapterTable<DeltaAdapter>()));
            register_module(parameter, _targets[index].Adapters);
        }

        _targets[index].Adapters.Add(adapter, value);
    }

    private protected override IEnumerable<AdapterTensor> FileTensors(string adapter)
    {
        var own = _targets.Where(p => p.Adapters.Contains(adapter)).ToArray();
        return own.SelectMany((p, i) => p.Adapters[adapter].FileTensors().Select(t => t with { Key = KeyPrefix(i, own.Length) + t.Key }));
    }

    /// <summary>What stands before the keys of one of several parameters.</summary>
    public static string KeyPrefix(int index, int count) => string.Concat(Enumerable.Repeat("base_layer.", count - 1 - index));

    private protected override void Remove(string adapter)
    {
        foreach (var (_, _, adapters) in _targets.Where(p => p.Adapters.Contains(adapter)))
        {
            adapters.Remove(adapter).Dispose();
        }
    }

    private protected override void RequireRows(string adapter)
    {
        if (AdapterNames.Contains(adapter))
        {
            throw new AdapterException($"The adapter '{adapter}' changes parameters of a module (targetParameters) and cannot act on single rows of a batch.");
        }
    }

    private protected override void CheckMerge(IReadOnlyList<string> names, MergeSettings settings)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (_, parameter, adapters) in settings.Safe ? _targets : [])
        {
            if (names.Where(adapters.Contains).FirstOrDefault(name => !adapters[name].Delta(parameter).isfinite().all().item<bool>()) is { } wrong)
            {
                throw new AdapterException($"Adapter '{wrong}' would make a parameter hold NaN or infinite values; nothing was merged. Do not merge this adapter.");
            }
        }
    }

    private protected override void Merge(IReadOnlyList<string> names, MergeSettings settings)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        string[] wanted = [.. names.Distinct().Where(name => AdapterNames.Contains(name) && !_merged.Contains(name))];
        foreach (var (_, parameter, adapters) in wanted.Length > 0 ? _targets : [])
        {
            if (_merged.Count == 0)
            {
                _backups.Add(parameter.BeginChange(settings.Shared.Contains(parameter.Parameter!.Handle), settings.KeepOriginal));
            }

            foreach (string name in wanted.Where(adapters.Contains))
            {
                Tensor weight = parameter.Weight(parameter.Dtype);
                parameter.Assign(adapters[name].Merge(weight, weight, parameter, settings.Safe));
            }
        }

        _merged.AddRange(wanted);
    }

    private protected override void Unmerge()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        for (int i = 0; i < _backups.Count; i++)
        {
            var (_, parameter, adapters) = _targets[i];
            if (_backups[i] is { } backup)
            {
                backup.Restore();
                continue;
            }

            foreach (string name in Enumerable.Reverse(_merged).Where(adapters.Contains))
            {
                parameter.Assign(adapters[name].Unmerge(parameter.Weight(parameter.Dtype), parameter));
            }
        }

        _backups.Clear();
        _merged.Clear();
    }

    private protected override void OnDetach(bool keepTrained)
    {
        _backups.ForEach(backup => backup?.Dispose());
        _backups.Clear();
    }
}
