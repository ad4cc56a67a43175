using LoraSharp.Adapters.Injection;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>
/// A LoRA adapter that is about to be added to a model: the targets are found and everything is checked when it is made; only <see cref="Apply"/> changes the model.
/// </summary>
internal sealed class LoraInjection
{
    private readonly nn.Module _root;
    private readonly LoraConfig _config;
    private readonly string _adapter;
    private readonly ModuleTree.Node[] _targets;
    private readonly ModuleTree.Node[] _copies;

    public LoraInjection(nn.Module root, LoraConfig config, string adapter)
    {
        config.Validate();
        RequireName(adapter);
        if (AdapterSet.Of(root).Has(adapter))
        {
            throw new AdapterException($"The model has an adapter '{adapter}' already; choose another name, or delete that one first.");
        }

        _root = root;
        _config = config with { TargetModules = config.TargetModules ?? LoraTargets.For((root as IPretrainedModel)?.Config.ModelType) };
        _adapter = adapter;
        ModuleTree.Node[] nodes = [.. ModuleTree.Walk(root)];
        _copies = FindCopies(_config, nodes);
        _targets = FindTargets(_config, root as IPretrainedModel, nodes, _copies);
        foreach (ModuleTree.Node node in _targets.Concat(_copies))
        {
            ModuleTree.RequireReplaceable(node);
        }
    }

    /// <summary>Shapes of the tensors that the adapter's file must hold, by module path and key (biases left out).</summary>
    public IEnumerable<(string Path, string Key, long[] Shape)> ExpectedTensors()
    {
        foreach (ModuleTree.Node node in _targets)
        {
            (long inFeatures, long outFeatures) = Sizes(node.Module);
            int r = Rank(node);
            yield return (node.Path, "lora_A.weight", [r, inFeatures]);
            yield return (node.Path, "lora_B.weight", [outFeatures, r]);
        }

        foreach (ModuleTree.Node node in _copies)
        {
            foreach (var (name, parameter) in node.Module.named_parameters())
            {
                yield return (node.Path, name, parameter.shape);
            }
        }
    }

    /// <summary>Changes the model. The base is frozen as a whole when this is its first adapter; biases and copies train where the configuration says so.</summary>
    public void Apply()
    {
        AdapterSet set = AdapterSet.Of(_root);
        if (set.Configs.Count == 0)
        {
            foreach (Parameter parameter in _root.parameters())
            {
                parameter.requires_grad_(false);
            }
        }

        foreach (ModuleTree.Node node in _targets)
        {
            AdaptedLinear layer = node.Module as AdaptedLinear ?? Adapt(node);
            int r = Rank(node);
            double alpha = TargetMatcher.Lookup(_config.AlphaPattern, node.Path, _config.Alpha);
            LinearWeight weight = layer.Base.Weight;
            layer.Add(_adapter, new LoraLinear(weight.InFeatures, weight.OutFeatures, r, _config.Scaling(r, alpha), _config.Dropout));
        }

        foreach (ModuleTree.Node node in _copies)
        {
            TrainedCopy copy = node.Module as TrainedCopy ?? Copy(node);
            copy.Add(_adapter);
        }

        foreach (var (_, bias) in Biases(_root, _config))
        {
            bias.requires_grad_(true);
        }

        set.Configs.Add(new(_adapter, _config));
        set.Activate([_adapter]);
        _root.train(_root.training);
    }

    /// <summary>The biases that train with an adapter, under their paths in the base model.</summary>
    public static IEnumerable<(string Path, Parameter Bias)> Biases(nn.Module root, LoraConfig config)
    {
        if (config.Bias == LoraBias.None)
        {
            yield break;
        }

        foreach (ModuleTree.Node node in ModuleTree.Walk(root))
        {
            if (node.Module is AdaptedLinear { Base.Bias: { } adaptedBias })
            {
                yield return ($"{node.Path}.base_layer.bias", adaptedBias);
            }
            else if (config.Bias == LoraBias.All && node.Module is not AdaptedLayer)
            {
                foreach (var (name, parameter) in node.Module.named_parameters(recurse: false))
                {
                    if (name == "bias")
                    {
                        yield return ($"{node.Path}.bias", parameter);
                    }
                }
            }
        }
    }

    private int Rank(ModuleTree.Node node) => TargetMatcher.Lookup(_config.RankPattern, node.Path, _config.R);

    private static (long In, long Out) Sizes(nn.Module module) => module switch
    {
        AdaptedLinear adapted => (adapted.Base.Weight.InFeatures, adapted.Base.Weight.OutFeatures),
        Layers.Linear linear => (linear.Weight.InFeatures, linear.Weight.OutFeatures),
        TorchSharp.Modules.Linear linear => (linear.in_features, linear.out_features),
        _ => throw new AdapterException($"A {module.GetType().Name} is not a linear layer."),
    };

    private static ModuleTree.Node[] FindTargets(LoraConfig config, IPretrainedModel? model, ModuleTree.Node[] nodes, ModuleTree.Node[] copies)
    {
        TargetModules targets = config.TargetModules!;
        TargetMatcher? exclude = config.ExcludeModules is { } excluded ? TargetMatcher.Of(excluded) : null;
        Func<ModuleTree.Node, bool> wanted = targets.IsAllLinear
            ? node => IsLinear(node.Module) && node.Path != model?.OutputHead
            : MatchedBy(TargetMatcher.Of(targets));
        ModuleTree.Node[] matched =
        [
            .. nodes.Where(node => wanted(node) && exclude?.IsMatch(node.Path) != true && !copies.Any(c => node.Path == c.Path || node.Path.StartsWith(c.Path + ".", StringComparison.Ordinal))),
        ];
        if (matched.FirstOrDefault(node => !IsLinear(node.Module)) is { Path: not null } other)
        {
            throw new AdapterException($"The target '{other.Path}' is a {other.Module.GetType().Name}; LoRA adapts linear layers. Narrow targetModules down to those.");
        }

        return matched.Length > 0
            ? matched
            : throw new AdapterException(
                $"targetModules {targets} matches no module of this model. Modules with similar names: {string.Join(", ", TargetMatcher.Suggest(targets, nodes.Where(n => IsLinear(n.Module)).Select(n => n.Path)))}.");

        static Func<ModuleTree.Node, bool> MatchedBy(TargetMatcher matcher) => node => matcher.IsMatch(node.Path);
    }

    // PEFT matches modules_to_save by the mere ending of the path: no dot is needed in front.
    private static ModuleTree.Node[] FindCopies(LoraConfig config, ModuleTree.Node[] nodes)
    {
        var found = new List<ModuleTree.Node>();
        foreach (string name in config.ModulesToSave)
        {
            ModuleTree.Node[] matched = [.. nodes.Where(node => node.Path.EndsWith(name, StringComparison.Ordinal))];
            if (matched.Length == 0)
            {
                throw new AdapterException(
                    $"modulesToSave names '{name}', but no module's path ends so. Modules with similar names: {string.Join(", ", TargetMatcher.Suggest([name], nodes.Select(n => n.Path)))}.");
            }

            found.AddRange(matched);
        }

        ModuleTree.Node[] copies = [.. found.DistinctBy(node => node.Path)];
        foreach (ModuleTree.Node node in copies)
        {
            if (node.Module is not TrainedCopy && !TrainedCopy.Supports(node.Module))
            {
                throw new AdapterException($"modulesToSave names '{node.Path}', a {node.Module.GetType().Name}; trained copies are made of dense linear layers, embeddings and norms.");
            }
        }

        return copies;
    }

    private static bool IsLinear(nn.Module module) => module is AdaptedLinear or Layers.Linear or TorchSharp.Modules.Linear;

    private static AdaptedLinear Adapt(ModuleTree.Node node)
    {
        // TorchSharp's own linear layer becomes one of the library's over the same parameters.
        Layers.Linear linear = node.Module as Layers.Linear
            ?? new Layers.Linear(new DenseWeight(((TorchSharp.Modules.Linear)node.Module).weight), ((TorchSharp.Modules.Linear)node.Module).bias);
        var adapted = new AdaptedLinear(linear);
        ModuleTree.Replace(node, adapted);
        return adapted;
    }

    private static TrainedCopy Copy(ModuleTree.Node node)
    {
        var copy = new TrainedCopy((nn.Module<Tensor, Tensor>)node.Module);
        ModuleTree.Replace(node, copy);
        return copy;
    }

    private static void RequireName(string adapter)
    {
        if (string.IsNullOrEmpty(adapter) || adapter.Contains('.', StringComparison.Ordinal) || adapter.AsSpan().ContainsAny('/', '\\'))
        {
            throw new AdapterException($"'{adapter}' cannot name an adapter: it becomes part of module and folder names, so it may not be empty or hold dots or slashes.");
        }
    }
}
