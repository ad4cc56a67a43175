using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Planning;
using LoraSharp.Files;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora;

/// <summary>Puts the values of another LoRA folder under the name of an adapter that the model has, without touching the modules.</summary>
internal static class LoraSwap
{
    public static void Run(nn.Module model, string folder, string adapter, ILogger? logger)
    {
        AdapterSet set = AdapterSet.Require(model);
        AdapterEntry entry = set.Entry(adapter);
        var warnings = new List<string>();
        AdapterConfig config = AdapterFiles.ReadConfig(folder, warnings);
        if (set.Hosts.Any(item => item.Host.Merged.Contains(adapter)))
        {
            throw new AdapterException($"The adapter '{adapter}' is merged into the base weights; call UnmergeAdapter before swapping it.");
        }

        (LoraConfig own, LoraConfig other) = RequireAlike(entry, config, folder);
        using SafeTensorsFile file = AdapterFiles.Open(folder);
        var (tensors, changes) = Plan(set, entry, other, file);
        AdapterFiles.Verify(file, AdapterFiles.Expected(tensors, null), config, Copies(set, adapter));
        changes.ForEach(change => change());
        AdapterFiles.Copy(file, AdapterFiles.Expected(Current(set, adapter), null));
        entry.Config = own with
        {
            R = other.R,
            Alpha = other.Alpha,
            RankPattern = other.RankPattern,
            AlphaPattern = other.AlphaPattern,
            TargetModules = other.TargetModules,
            BaseModelNameOrPath = other.BaseModelNameOrPath,
        };
        warnings.ForEach(warning => logger?.LogWarning("{Warning}", warning));
    }

    private static (LoraConfig Own, LoraConfig Other) RequireAlike(AdapterEntry entry, AdapterConfig config, string folder)
    {
        if (entry.Config is not LoraConfig own || config is not LoraConfig other)
        {
            throw new AdapterException($"The adapter in '{folder}' is of {config.PeftType}, '{entry.Name}' of {entry.Config.PeftType}; only LoRA adapters can be swapped.");
        }

        string? different = own.UseRsLora != other.UseRsLora ? "use_rslora"
            : own.UseDora != other.UseDora ? "use_dora"
            : own.LoraBias != other.LoraBias ? "lora_bias"
            : own.Dropout != other.Dropout ? "lora_dropout"
            : !own.AlphaPattern.SequenceEqual(other.AlphaPattern) ? "alpha_pattern"
            : null;
        if (different is not null)
        {
            throw new AdapterException($"The adapter in '{folder}' has another {different} than '{entry.Name}'; such adapters cannot take each other's place. Load it under a name of its own.");
        }

        return (own, other);
    }

    // What the file may hold, with the shapes that its configuration gives, and the changes that come before its values are copied.
    private static (List<PlannedTensor> Tensors, List<Action> Changes) Plan(AdapterSet set, AdapterEntry entry, LoraConfig config, SafeTensorsFile file)
    {
        var tensors = new List<PlannedTensor>();
        var changes = new List<Action>();
        foreach (var (path, host) in set.Hosts.Where(item => item.Host.AdapterNames.Contains(entry.Name)))
        {
            PlannedTensor[] own = [.. host.FileTensors(entry.Name).Select(t => new PlannedTensor($"{path}.{t.Key}", t.Tensor))];
            if (host is not TunedLayer layer || layer[entry.Name] is not LoraLayer lora)
            {
                tensors.AddRange(own);
                continue;
            }

            if (!own.Any(t => file.Contains(AdapterFiles.Expected([t], null)[0].Key)))
            {
                // A module that the new adapter lacks is without effect.
                changes.Add(() => Clear(own));
                continue;
            }

            LoraSettings settings = LoraMethod.Settings(config, path) with { HasBias = lora.Settings.HasBias, UsesDora = lora.Settings.UsesDora };
            tensors.AddRange(own.Select(t =>
                ReferenceEquals(t.Tensor, lora.A) ? t with { Shape = lora.ShapeOfA(settings.R) }
                : ReferenceEquals(t.Tensor, lora.B) ? t with { Shape = lora.ShapeOfB(settings.R) }
                : t));
            changes.Add(() =>
            {
                lora.Resize(settings.R, settings.Scaling);
                lora.Settings = settings;
            });
        }

        tensors.AddRange(entry.BaseParameters.Select(b => new PlannedTensor(b.Key, b.Tensor)));
        return (tensors, changes);
    }

    private static void Clear(IEnumerable<PlannedTensor> tensors)
    {
        using var noGrad = no_grad();
        foreach (PlannedTensor tensor in tensors)
        {
            tensor.Tensor.zero_();
        }
    }

    private static IEnumerable<PlannedTensor> Current(AdapterSet set, string adapter) =>
        set.Hosts.Where(item => item.Host.AdapterNames.Contains(adapter)).SelectMany(item => item.Host.FileTensors(adapter).Select(t => new PlannedTensor($"{item.Path}.{t.Key}", t.Tensor)))
            .Concat(set.Entry(adapter).BaseParameters.Select(b => new PlannedTensor(b.Key, b.Tensor)));

    // Copies of frozen tables in the file say nothing new.
    private static HashSet<string> Copies(AdapterSet set, string adapter) =>
    [
        .. set.Layers.Where(item => item.Layer.AdapterNames.Contains(adapter))
            .SelectMany(item => AdapterFiles.Expected([new PlannedTensor($"{item.Path}.base_layer.weight", null!), new PlannedTensor($"{item.Path}.base_layer.bias", null!)], null)).Select(t => t.Key),
    ];
}
