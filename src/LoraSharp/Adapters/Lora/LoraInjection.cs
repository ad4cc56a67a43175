using LoraSharp.Adapters.Injection;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>Adds a LoRA adapter to a model: finds the targets, checks everything, and only then changes the model.</summary>
internal static class LoraInjection
{
    public static void Add(nn.Module root, LoraConfig config, string adapter)
    {
        config.Validate();
        RequireName(adapter);
        AdapterSet set = AdapterSet.Of(root);
        if (set.Has(adapter))
        {
            throw new AdapterException($"The model has an adapter '{adapter}' already; choose another name, or delete that one first.");
        }

        ModuleTree.Node[] nodes = [.. ModuleTree.Walk(root)];
        ModuleTree.Node[] copies = FindCopies(config, nodes);
        ModuleTree.Node[] targets = FindTargets(config, root as IPretrainedModel, nodes, copies);
        foreach (ModuleTree.Node node in targets.Concat(copies))
        {
            ModuleTree.RequireReplaceable(node);
        }

        // From here on nothing fails. The base is frozen as a whole; biases and copies are trained where the configuration says so.
        if (set.Configs.Count == 0)
        {
            foreach (Parameter parameter in root.parameters())
            {
                parameter.requires_grad_(false);
            }
        }

        foreach (ModuleTree.Node node in targets)
        {
            AdaptedLinear layer = node.Module as AdaptedLinear ?? Adapt(node);
            int r = TargetMatcher.Lookup(config.RankPattern, node.Path, config.R);
            double alpha = TargetMatcher.Lookup(config.AlphaPattern, node.Path, config.Alpha);
            LinearWeight weight = layer.Base.Weight;
            layer.Add(adapter, new LoraLinear(weight.InFeatures, weight.OutFeatures, r, config.Scaling(r, alpha), config.Dropout));
        }

        foreach (ModuleTree.Node node in copies)
        {
            TrainedCopy copy = node.Module as TrainedCopy ?? Copy(node);
            copy.Add(adapter);
        }

        TrainBiases(root, config);
        set.Configs.Add(new(adapter, config with { TargetModules = config.TargetModules ?? Default(root as IPretrainedModel) }));
        root.train(root.training);
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

    private static TargetModules Default(IPretrainedModel? model) => LoraTargets.For(model?.Config.ModelType);

    private static ModuleTree.Node[] FindTargets(LoraConfig config, IPretrainedModel? model, ModuleTree.Node[] nodes, ModuleTree.Node[] copies)
    {
        TargetModules targets = config.TargetModules ?? Default(model);
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

    private static void TrainBiases(nn.Module root, LoraConfig config)
    {
        foreach (var (_, bias) in Biases(root, config))
        {
            bias.requires_grad_(true);
        }
    }

    private static void RequireName(string adapter)
    {
        if (string.IsNullOrEmpty(adapter) || adapter.Contains('.', StringComparison.Ordinal) || adapter.AsSpan().ContainsAny('/', '\\'))
        {
            throw new AdapterException($"'{adapter}' cannot name an adapter: it becomes part of module and folder names, so it may not be empty or hold dots or slashes.");
        }
    }
}
