using System.Globalization;
using System.Text.RegularExpressions;
using LoraSharp.Adapters.Bases;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Injection;

/// <summary>Finds the modules that a configuration names: the targets, and those that get a full copy.</summary>
internal static class TargetSelection
{
    /// <summary>Heads that task types with new labels train without being asked to, as in PEFT.</summary>
    private static readonly string[] ClassifierHeads = ["classifier", "score"];
    private static readonly string[] ClassifierTasks = ["SEQ_CLS", "TOKEN_CLS"];

    /// <summary>From this many full paths on, PEFT shortens the list of targets.</summary>
    private const int ManyTargets = 20;

    /// <summary>The configuration with its targets and copies as names: defaults of the architecture, all linear layers, heads of the task.</summary>
    public static AdapterConfig Resolve(AdapterMethod method, AdapterConfig config, nn.Module root, bool targetsOptional)
    {
        bool classifies = config.TaskType is { } task && ClassifierTasks.Contains(task);
        if (classifies)
        {
            config = config with { ModulesToSave = [.. config.ModulesToSave, .. ClassifierHeads.Except(config.ModulesToSave)] };
        }

        var model = root as IPretrainedModel;
        if (config.TargetModules is null)
        {
            return config with { TargetModules = targetsOptional ? TargetModules.Create([]) : Default(method, config, model) };
        }

        if (!config.TargetModules.IsAllLinear)
        {
            return config;
        }

        ModuleTree.Node[] nodes = [.. ModuleTree.Walk(root)];
        string[] linear = [.. nodes.Where(node => BaseLayers.IsLinear(node.Module) && node.Path != model?.OutputHead && !(classifies && ClassifierHeads.Contains(node.Path))).Select(node => node.Path)];
        return config with { TargetModules = linear.Length < ManyTargets ? linear : Shortest(linear, [.. nodes.Select(node => node.Path).Except(linear)]) };
    }

    /// <summary>The targets among the modules, in their order.</summary>
    /// <param name="config">A resolved configuration.</param>
    /// <param name="nodes">All modules.</param>
    public static IReadOnlyList<ModuleTree.Node> Targets(AdapterConfig config, IReadOnlyList<ModuleTree.Node> nodes)
    {
        TargetModules targets = config.TargetModules!;
        TargetMatcher wanted = TargetMatcher.Of(targets);
        TargetMatcher? exclude = config.ExcludeModules is { } excluded ? TargetMatcher.Of(excluded) : null;
        return [.. nodes.Where(node => exclude?.IsMatch(node.Path) != true && !IsCopied(node.Path) && wanted.IsMatch(node.Path) && IsInLayers(config, node.Path))];

        // PEFT never adapts what lies below a name of modules_to_save.
        bool IsCopied(string path) => config.ModulesToSave.Any(name => $".{path}.".Contains($".{name}.", StringComparison.Ordinal));
    }

    /// <summary>The error for a configuration whose targets match nothing.</summary>
    public static AdapterException NoMatch(AdapterConfig config, IEnumerable<ModuleTree.Node> nodes)
    {
        string[] adaptable = [.. nodes.Where(node => BaseLayers.Of(node.Module) is not null).Select(node => node.Path)];
        string where = config.LayersToTransform is { } layers ? $" in the layers {string.Join(", ", layers)}" : "";
        return new AdapterException(
            $"targetModules {config.TargetModules} matches no module of this model{where}. Modules with similar names: {string.Join(", ", TargetMatcher.Suggest(config.TargetModules!, adaptable))}.");
    }

    /// <summary>The modules that get a full copy. A name matches by the mere ending of the path: no dot is needed in front.</summary>
    public static IReadOnlyList<ModuleTree.Node> Copies(AdapterConfig config, IReadOnlyList<ModuleTree.Node> nodes)
    {
        var found = new List<ModuleTree.Node>();
        foreach (string name in config.ModulesToSave)
        {
            ModuleTree.Node[] matched = [.. nodes.Where(node => node.Path.EndsWith(name, StringComparison.Ordinal))];
            if (matched.Length == 0 && !ClassifierHeads.Contains(name))
            {
                throw new AdapterException(
                    $"modulesToSave names '{name}', but no module's path ends so. Modules with similar names: {string.Join(", ", TargetMatcher.Suggest([name], nodes.Select(n => n.Path)))}.");
            }

            found.AddRange(matched);
        }

        // A module inside another copied one goes with it.
        return [.. found.DistinctBy(node => node.Path).Where(node => !found.Any(outer => node.Path.StartsWith(outer.Path + ".", StringComparison.Ordinal)))];
    }

    private static TargetModules Default(AdapterMethod method, AdapterConfig config, IPretrainedModel? model)
    {
        if (model is null)
        {
            throw config.Invalid("targetModules is not set, and this model is not one of the library's, so there is no default. Name the modules, or use \"all-linear\"");
        }

        return method.DefaultTargets(model.Config.ModelType)?.ToArray()
            ?? throw config.Invalid($"targetModules is not set, and there is no default for '{model.Config.ModelType}'. Name the modules, or use \"all-linear\"");
    }

    private static bool IsInLayers(AdapterConfig config, string path)
    {
        // A full path among the targets is meant, whatever its layer.
        if (config.LayersToTransform is not { Count: > 0 } layers || config.TargetModules!.Names.Contains(path))
        {
            return true;
        }

        IEnumerable<string> patterns = config.LayersPattern.Count == 0 ? [@"^.*?\.(\d+)\."] : config.LayersPattern.Select(name => $@"^.*\.?{name}\.(\d+)\.");
        foreach (string pattern in patterns)
        {
            if (TargetMatcher.Compile(pattern, pattern).Match(path) is { Success: true } match)
            {
                return layers.Contains(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
            }
        }

        return false;
    }

    // The shortest path endings that name all of these and none of the others.
    private static string[] Shortest(string[] targets, string[] others)
    {
        HashSet<string> taken = [.. others.SelectMany(Endings)];
        var chosen = new List<string>();
        foreach (string target in targets)
        {
            if (!chosen.Exists(ending => target == ending || target.EndsWith("." + ending, StringComparison.Ordinal)))
            {
                chosen.Add(Endings(target).First(ending => !taken.Contains(ending) || ending == target));
            }
        }

        return [.. chosen.Distinct(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Endings(string path)
    {
        string[] parts = path.Split('.');
        for (int i = parts.Length - 1; i >= 0; i--)
        {
            yield return string.Join('.', parts[i..]);
        }
    }
}
