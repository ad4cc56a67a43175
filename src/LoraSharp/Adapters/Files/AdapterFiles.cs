using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters.Planning;
using LoraSharp.Files;
using LoraSharp.Models;
using Microsoft.Extensions.Logging;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Files;

/// <summary>An adapter folder in PEFT's format: adapter_config.json, adapter_model.safetensors and a model card.</summary>
internal static class AdapterFiles
{
    public const string ConfigFile = "adapter_config.json";
    public const string WeightsFile = "adapter_model.safetensors";
    private const string ModulePrefix = "base_model.model.";
    private const string SharedPrefix = "base_model.";
    private const int Shown = 12;

    // PEFT copies the frozen table into the file when an adapted embedding or head has one of these names.
    private static readonly string[] EmbeddingNames = ["embed_tokens", "lm_head"];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>The adapter's trained tensors under their names in the file. The tensors are the model's own.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> Tensors(nn.Module model, string adapter)
    {
        AdapterSet set = AdapterSet.Require(model);
        AdapterEntry entry = set.Entry(adapter);
        if (entry.ModelAdapter is { } whole)
        {
            return whole.FileTensors().Select(t => KeyValuePair.Create(t.Key, t.Tensor));
        }

        return set.Hosts.Where(item => item.Host.AdapterNames.Contains(adapter))
            .SelectMany(item => item.Host.FileTensors(adapter).Select(t => KeyValuePair.Create($"{ModulePrefix}{item.Path}.{t.Key}", t.Tensor)))
            .Concat(entry.BaseParameters.Select(b => KeyValuePair.Create(ModulePrefix + b.Key, (Tensor)b.Tensor)));
    }

    /// <summary>Where PEFT saves an adapter: the default one in the folder itself, another in a folder of its name below.</summary>
    public static string FolderOf(string folder, string adapter) => adapter == ModuleAdapterExtensions.DefaultAdapter ? folder : Path.Combine(folder, adapter);

    /// <summary>Writes the files into a folder that exists.</summary>
    public static void Write(nn.Module model, string adapter, string folder)
    {
        AdapterEntry entry = AdapterSet.Require(model).Entry(adapter);
        string? source = entry.Config.BaseModelNameOrPath ?? (model as IPretrainedModel)?.SourceFolder;
        Write(entry.Config with { BaseModelNameOrPath = source }, Tensors(model, adapter).Concat(Others(model, entry)), folder);
    }

    /// <summary>Writes a configuration and tensors into a folder that exists.</summary>
    public static void Write(AdapterConfig config, IEnumerable<KeyValuePair<string, Tensor>> tensors, string folder)
    {
        SafeTensorsWriter.Write(Path.Combine(folder, WeightsFile), tensors);
        var json = new ConfigWriter();
        config.Method.Write(config, json);
        AtomicFile.WriteText(Path.Combine(folder, ConfigFile), json.ToJson().ToJsonString(Indented));
        AtomicFile.WriteText(Path.Combine(folder, ModelCard.FileName), ModelCard.Write(config));
    }

    /// <summary>Reads adapter_config.json; what it cannot use is added to the warnings.</summary>
    public static AdapterConfig ReadConfig(string folder, List<string> warnings)
    {
        AtomicFolder.Recover(folder);
        string path = Path.Combine(folder, ConfigFile);
        if (!File.Exists(path))
        {
            throw new AdapterException($"'{folder}' holds no {ConfigFile}, so it is not an adapter folder. Give the folder that holds {ConfigFile} and {WeightsFile}.");
        }

        string source = $"'{path}'";
        JsonObject json;
        string? type;
        try
        {
            json = JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject ?? throw new AdapterException($"{source} is not a JSON object.");
            type = (string?)json["peft_type"];
        }
        catch (Exception e) when (e is JsonException or ArgumentException || (e is InvalidOperationException and not AdapterException))
        {
            throw new AdapterException($"{source} is not a valid configuration: {e.Message}", e);
        }

        try
        {
            var reader = new ConfigReader(json, source);
            AdapterConfig config = AdapterMethods.Get(type, source).Read(reader);
            warnings.AddRange(reader.Unknown().Select(key => $"{source}: the key '{key}' is not known and was ignored."));
            return config;
        }
        catch (Exception e) when (e is FormatException || (e is InvalidOperationException and not AdapterException))
        {
            throw new AdapterException($"{source}: a value has the wrong type ({e.Message})", e);
        }
    }

    /// <summary>Adds the adapter of a folder to a model. The model is unchanged when anything does not fit.</summary>
    public static void Load(nn.Module model, string folder, string adapter, bool trainable, ILogger? logger)
    {
        var warnings = new List<string>();
        AdapterConfig config = ReadConfig(folder, warnings);
        using SafeTensorsFile file = Open(folder);
        using AdapterPlan plan = config.Method.Plan(model, config, adapter, initialize: false);
        Verify(file, Expected(plan.Tensors, plan.Shared), config, IgnoredKeys(config, plan));
        RequireSameBase(file, model, config, warnings);
        Copy(file, Expected(plan.Tensors, plan.Shared));
        plan.Attach(trainable, activate: AdapterSet.Of(model).Entries.Count == 0);
        warnings.ForEach(warning => logger?.LogWarning("{Warning}", warning));
    }

    /// <summary>Copies the tensors of a folder into an adapter of the same sizes that the model has already.</summary>
    public static void LoadTensors(nn.Module model, string adapter, string folder)
    {
        AdapterEntry entry = AdapterSet.Require(model).Entry(adapter);
        using SafeTensorsFile file = Open(folder);
        PlannedTensor[] expected = [.. Tensors(model, adapter).Select(t => new PlannedTensor(t.Key, t.Value))];
        Verify(file, expected, entry.Config, [.. Others(model, entry).Select(o => o.Key)]);
        Copy(file, expected);
    }

    /// <summary>Opens an adapter's tensors.</summary>
    public static SafeTensorsFile Open(string folder)
    {
        string path = Path.Combine(folder, WeightsFile);
        return File.Exists(path)
            ? SafeTensorsFile.Open(path)
            : throw new AdapterException($"'{folder}' holds no {WeightsFile}. Only safetensors adapters are read; convert adapter_model.bin first.");
    }

    /// <summary>A plan's tensors under their full names in a file.</summary>
    public static IReadOnlyList<PlannedTensor> Expected(IEnumerable<PlannedTensor> tensors, SharedTensors? shared) =>
    [
        .. tensors.Select(t => t.IsWholeKey ? t : t with { Key = ModulePrefix + t.Key }),
        .. (shared is { AreSaved: true } ? shared.Tensors : []).Select(t => new PlannedTensor(SharedPrefix + t.Key, t.Tensor)),
    ];

    /// <summary>Throws one exception that names everything in which a file and what the model expects differ.</summary>
    public static void Verify(SafeTensorsFile file, IReadOnlyList<PlannedTensor> expected, AdapterConfig config, IReadOnlyCollection<string> ignored)
    {
        var problems = new List<string>();
        foreach (PlannedTensor tensor in expected)
        {
            if (!file.Contains(tensor.Key))
            {
                if (tensor.IsRequired)
                {
                    problems.Add($"missing: {tensor.Key}");
                }
            }
            else if (!file.Entry(tensor.Key).Shape.SequenceEqual(tensor.Shape))
            {
                problems.Add($"{tensor.Key} is [{string.Join(", ", file.Entry(tensor.Key).Shape)}] but the model and the configuration give [{string.Join(", ", tensor.Shape)}]");
            }
        }

        HashSet<string> known = [.. expected.Select(e => e.Key), .. ignored];
        problems.AddRange(file.Tensors.Select(t => t.Name).Where(name => !known.Contains(name)).Select(name => $"unexpected: {name}"));
        if (problems.Count > 0)
        {
            string more = problems.Count > Shown ? $" ... and {problems.Count - Shown} more" : "";
            string named = config.BaseModelNameOrPath is { } wanted ? $" It names the base model '{wanted}'." : "";
            throw new AdapterException($"'{file.Path}' does not fit this model: {string.Join("; ", problems.Take(Shown))}{more}. Was the adapter trained on another base model?{named}");
        }
    }

    /// <summary>Fills tensors from a file.</summary>
    public static void Copy(SafeTensorsFile file, IReadOnlyList<PlannedTensor> tensors)
    {
        using var noGrad = no_grad();
        foreach (PlannedTensor tensor in tensors.Where(t => file.Contains(t.Key)))
        {
            using Tensor value = file.View(tensor.Key);
            tensor.Tensor.copy_(value);
        }
    }

    // What PEFT writes beside the trained tensors.
    private static IEnumerable<KeyValuePair<string, Tensor>> Others(nn.Module model, AdapterEntry entry)
    {
        foreach (var (key, tensor) in entry.Shared is { AreSaved: true } shared ? shared.Tensors : [])
        {
            yield return new(SharedPrefix + key, tensor);
        }

        foreach (var (key, tensor) in entry.Extras)
        {
            yield return new(ModulePrefix + key, tensor());
        }

        foreach (var (path, layer) in AdaptedEmbeddings(model, entry))
        {
            HashSet<string> written = [.. entry.BaseParameters.Select(b => b.Key)];
            foreach (var (name, parameter) in layer.BaseLayer.named_parameters(recurse: false))
            {
                if (!written.Contains($"{path}.base_layer.{name}"))
                {
                    yield return new($"{ModulePrefix}{path}.base_layer.{name}", parameter);
                }
            }
        }
    }

    private static IEnumerable<(string Path, TunedLayer Layer)> AdaptedEmbeddings(nn.Module model, AdapterEntry entry)
    {
        if (model is not IPretrainedModel pretrained || !NamesEmbedding(entry.Config.TargetModules))
        {
            return [];
        }

        return AdapterSet.Of(model).Layers.Where(item => item.Layer.AdapterNames.Contains(entry.Name) && (item.Path == pretrained.InputEmbedding || item.Path == pretrained.OutputHead));
    }

    private static bool NamesEmbedding(TargetModules? targets) => targets is not null
        && EmbeddingNames.Any(name => targets.IsList ? targets.Names.Contains(name) : targets.Pattern?.Contains(name, StringComparison.Ordinal) == true);

    // Copies of frozen weights, and the second and third names of copied biases.
    private static HashSet<string> IgnoredKeys(AdapterConfig config, AdapterPlan plan)
    {
        IEnumerable<string> paths = plan.Tensors.Select(t => t.Key).Where(key => !key.Contains(".base_layer.", StringComparison.Ordinal)).Select(key => key[..(key.Contains('.', StringComparison.Ordinal) ? key.LastIndexOf('.') : 0)]);
        var ignored = new HashSet<string>(StringComparer.Ordinal);
        foreach (string path in paths.Distinct())
        {
            if (config.BiasesToTrain == AdapterBias.All)
            {
                ignored.Add($"{ModulePrefix}{path}.modules_to_save.bias");
                ignored.Add($"{ModulePrefix}{path}.original_module.bias");
            }
        }

        foreach (LayerPart part in plan is LayerPlan layers ? layers.Layers : [])
        {
            ignored.Add($"{ModulePrefix}{part.Path}.base_layer.weight");
            ignored.Add($"{ModulePrefix}{part.Path}.base_layer.bias");
        }

        return ignored;
    }

    // The file's copies of frozen tables show whether the adapter belongs to this base.
    private static void RequireSameBase(SafeTensorsFile file, nn.Module model, AdapterConfig config, List<string> warnings)
    {
        const string Ending = ".base_layer.weight";
        Dictionary<string, Parameter> parameters = model.named_parameters().DistinctBy(p => p.name).ToDictionary(p => p.name, p => p.parameter, StringComparer.Ordinal);
        foreach (string name in file.Tensors.Select(t => t.Name).Where(name => name.EndsWith(Ending, StringComparison.Ordinal)))
        {
            string path = name[ModulePrefix.Length..^Ending.Length] + ".weight";
            if (!parameters.TryGetValue(path, out Parameter? own))
            {
                continue;
            }

            using var scope = NewDisposeScope();
            Tensor saved = file.View(name);
            if (!saved.shape.SequenceEqual(own.shape))
            {
                throw new AdapterException($"'{file.Path}' holds the base model's '{path}' as [{string.Join(", ", saved.shape)}], but this model's is [{string.Join(", ", own.shape)}]: the adapter belongs to another base model{(config.BaseModelNameOrPath is { } wanted ? $", '{wanted}'" : "")}.");
            }

            if (!saved.to(own.dtype).eq(own).all().item<bool>())
            {
                warnings.Add($"'{file.Path}' holds other values of the base model's '{path}' than this model has; it was probably trained on another base model. This model's values stay.");
            }
        }
    }
}
