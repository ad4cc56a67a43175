using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora.Combining;

/// <summary>Makes a new LoRA adapter out of several: which take part is decided layer by layer.</summary>
internal sealed class WeightedCombination
{
    private readonly nn.Module _model;
    private readonly string[] _adapters;
    private readonly double[] _weights;
    private readonly CombinationOptions _options;
    private readonly LoraConfig[] _configs;
    private readonly Func<string, string, string, long[], Tensor> _mask;

    /// <param name="model">The model.</param>
    /// <param name="adapters">The adapters, in order.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="options">The kind.</param>
    /// <param name="mask">Makes DARE's mask for (layer, A|B|delta, adapter, shape); null: random.</param>
    public WeightedCombination(
        nn.Module model, IReadOnlyList<string> adapters, IReadOnlyList<double> weights, CombinationOptions options, Func<string, string, string, long[], Tensor>? mask)
    {
        options.Validate();
        if (adapters.Count == 0 || adapters.Count != weights.Count || adapters.Distinct().Count() != adapters.Count)
        {
            throw new AdapterException($"{adapters.Count} adapters ({string.Join(", ", adapters)}) and {weights.Count} weights were given; give at least one adapter, each once, and a weight for each.");
        }

        if (weights.FirstOrDefault(weight => !double.IsFinite(weight), 0) is not 0 and var wrong)
        {
            throw new AdapterException($"A weight is {wrong}; weights must be finite numbers.");
        }

        AdapterSet set = AdapterSet.Require(model);
        _model = model;
        _adapters = [.. adapters];
        _weights = [.. weights];
        _options = adapters.Count == 1 ? options with { Type = CombinationType.Linear } : options;
        _configs = [.. adapters.Select(name => set.Config(name) as LoraConfig ?? throw new AdapterException($"The adapter '{name}' is of {set.Config(name).PeftType}; LoRA adapters can be combined."))];
        if (Array.Find(_configs, config => config.TargetModules is not { IsList: true }) is { } pattern && _configs.Any(config => config.TargetModules!.ToString() != pattern.TargetModules!.ToString()))
        {
            throw new AdapterException($"The adapters name their targets in different forms (one is {pattern.TargetModules}); lists of names can be united, or equal expressions.");
        }

        if (set.Hosts.FirstOrDefault(item => item.Host is not TunedLayer && adapters.Any(item.Host.AdapterNames.Contains)) is { Path: not null } other)
        {
            throw new AdapterException($"'{other.Path}' has a trained copy, trained tokens or adapted parameters; only adapters of layers can be combined. Leave such adapters out.");
        }

        if (set.Layers.FirstOrDefault(item => adapters.Any(name => item.Layer.AdapterNames.Contains(name) && ((LoraLayer)item.Layer[name]).Magnitude is not null)) is { Path: not null } dora)
        {
            throw new AdapterException($"'{dora.Path}' has a magnitude (DoRA), which cannot be combined.");
        }

        if (Array.FindIndex(_configs, config => config.LoraBias) is >= 0 and var biased)
        {
            throw new AdapterException($"The adapter '{adapters[biased]}' has a bias on B (loraBias), which cannot be combined.");
        }

        Generator? generator = options.Seed is { } seed ? new Generator((ulong)seed) : null;
        _mask = mask ?? ((_, _, _, shape) => rand(shape, generator: generator).lt(options.Density ?? 1));
        R = NewRank();
        Config = _configs[0] with
        {
            R = R,
            Alpha = R,
            RankPattern = [],
            AlphaPattern = [],
            Init = LoraInit.Default,
            TargetModules = _configs[0].TargetModules!.IsList ? _configs.SelectMany(config => config.TargetModules!.Names).Distinct().ToArray() : _configs[0].TargetModules,
        };
    }

    /// <summary>Rank of the new adapter.</summary>
    public int R { get; }

    /// <summary>The new adapter's configuration.</summary>
    public LoraConfig Config { get; }

    /// <summary>Adds the new adapter, neither active nor trained.</summary>
    public void Add(string name)
    {
        using (Planning.AdapterPlan plan = Config.Method.Plan(_model, Config, name, initialize: false))
        {
            plan.Attach(trainable: false, activate: false);
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (path, layer) in AdapterSet.Of(_model).Layers.Where(item => item.Layer.AdapterNames.Contains(name)))
        {
            int[] taking = [.. Enumerable.Range(0, _adapters.Length).Where(i => layer.AdapterNames.Contains(_adapters[i]))];
            if (taking.Length > 0)
            {
                using var inner = NewDisposeScope();
                Combine(path, layer, (LoraLayer)layer[name], taking);
            }
        }
    }

    private int NewRank()
    {
        int[] ranks = [.. _configs.Select(config => config.RankPattern.Select(p => p.Value).Append(config.R).Max())];
        if (_options.Type == CombinationType.Cat)
        {
            return ranks.Sum();
        }

        if (_options.UsesSvd)
        {
            return _options.SvdRank ?? ranks.Max();
        }

        return ranks.Distinct().Count() == 1
            ? ranks[0]
            : throw new AdapterException($"The adapters' ranks are {string.Join(", ", ranks)}; {_options.Type} needs equal ones. Use Cat or an Svd kind.");
    }

    private void Combine(string path, TunedLayer layer, LoraLayer target, int[] taking)
    {
        LoraLayer[] sources = [.. taking.Select(i => (LoraLayer)layer[_adapters[i]])];
        if (_options.UsesSvd)
        {
            Tensor delta = TensorCombination.Combine(
                _options, [.. sources.Select(source => source.Delta(layer.Base))], [.. taking.Select(i => _weights[i])], i => _mask(path, "delta", _adapters[taking[i]], layer.Base.Shape));
            (Tensor u, Tensor s, Tensor vh) = linalg.svd(target.Flatten(delta), fullMatrices: false);
            long kept = Math.Min(R, s.shape[0]);
            Fill(target, vh.narrow(0, 0, kept), u.narrow(1, 0, kept) * s.narrow(0, 0, kept));
            return;
        }

        double[] scaled = [.. taking.Select((i, k) => _weights[i] * sources[k].Scaling)];
        (Tensor A, Tensor B)[] matrices = [.. sources.Select(source => source.Matrices)];
        if (_options.Type == CombinationType.Cat)
        {
            Fill(target, cat([.. matrices.Select((m, k) => m.A * scaled[k])], 0), cat([.. matrices.Select(m => m.B)], 1));
            return;
        }

        if (sources.Any(source => source.Settings.R != R))
        {
            throw new AdapterException($"'{path}' has ranks {string.Join(", ", sources.Select(s => s.Settings.R))}; {_options.Type} needs {R} everywhere. Use Cat or an Svd kind.");
        }

        // The root of |weight · scaling| goes to both, its sign to A alone.
        double[] roots = [.. scaled.Select(value => Math.Sqrt(Math.Abs(value)))];
        Tensor a = TensorCombination.Combine(
            _options, [.. matrices.Select(m => m.A)], [.. roots.Zip(scaled, (root, value) => Math.Sign(value) * root)], k => Mask("A", k, sources[k].A.shape, matrices[k].A.shape));
        Tensor b = TensorCombination.Combine(_options, [.. matrices.Select(m => m.B)], roots, k => Mask("B", k, sources[k].B.shape, matrices[k].B.shape));
        Fill(target, a, b);

        Tensor Mask(string which, int k, long[] shape, long[] flat) => _mask(path, which, _adapters[taking[k]], shape).reshape(flat);
    }

    // Fewer components than the new rank leave zeros.
    private static void Fill(LoraLayer target, Tensor a, Tensor b)
    {
        (Tensor A, Tensor B) = target.Matrices;
        A.zero_().narrow(0, 0, a.shape[0]).copy_(a);
        B.zero_().narrow(1, 0, b.shape[1]).copy_(b);
    }
}
