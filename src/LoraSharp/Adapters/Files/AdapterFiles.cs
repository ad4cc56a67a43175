using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Adapters.Lora;
using LoraSharp.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Files;

/// <summary>An adapter folder in PEFT's format: adapter_config.json, adapter_model.safetensors and a model card.</summary>
internal static class AdapterFiles
{
    public const string ConfigFile = "adapter_config.json";
    public const string WeightsFile = "adapter_model.safetensors";
    private const string Prefix = "base_model.model.";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>The adapter's tensors under their names in the file. The tensors are the model's own.</summary>
    public static IEnumerable<KeyValuePair<string, Parameter>> Tensors(nn.Module model, string adapter)
    {
        AdapterSet set = AdapterSet.Require(model);
        AdapterConfig config = set.Config(adapter);
        foreach (var (path, layer) in set.Layers.Where(item => item.Layer.AdapterNames.Contains(adapter)))
        {
            foreach (var (key, tensor) in layer.FileTensors(adapter))
            {
                yield return new($"{Prefix}{path}.{key}", tensor);
            }
        }

        foreach (var (path, bias) in config is LoraConfig lora ? LoraInjection.Biases(model, lora) : [])
        {
            yield return new(Prefix + path, bias);
        }
    }

    /// <summary>Writes the files into a folder that exists.</summary>
    public static void Write(nn.Module model, string adapter, string folder)
    {
        var config = (LoraConfig)AdapterSet.Require(model).Config(adapter);
        string? source = config.BaseModelNameOrPath ?? (model as Models.IPretrainedModel)?.SourceFolder;
        SafeTensorsWriter.Write(Path.Combine(folder, WeightsFile), Tensors(model, adapter).Select(p => KeyValuePair.Create(p.Key, (Tensor)p.Value)));
        JsonObject json = LoraConfigJson.Write(config with { BaseModelNameOrPath = source });
        AtomicFile.WriteText(Path.Combine(folder, ConfigFile), json.ToJsonString(Indented));
        AtomicFile.WriteText(Path.Combine(folder, "README.md"), Card(source));
    }

    public static LoraConfig ReadConfig(string folder, List<string> warnings)
    {
        string path = Path.Combine(folder, ConfigFile);
        if (!File.Exists(path))
        {
            throw new AdapterException($"'{folder}' holds no {ConfigFile}, so it is not an adapter folder. Give the folder that holds {ConfigFile} and {WeightsFile}.");
        }

        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path)) is JsonObject json
                ? (string?)json["peft_type"] == LoraConfig.TypeName
                    ? LoraConfigJson.Parse(json, $"'{path}'", warnings)
                    : throw new AdapterException($"'{path}': peft_type is '{json["peft_type"]}'; this version reads {LoraConfig.TypeName}.")
                : throw new AdapterException($"'{path}' is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new AdapterException($"'{path}' is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Adds the adapter of a folder to a model. The model is unchanged when anything does not fit.</summary>
    public static void Load(nn.Module model, string folder, string adapter)
    {
        LoraConfig config = ReadConfig(folder, []);
        string path = Path.Combine(folder, WeightsFile);
        if (!File.Exists(path))
        {
            throw new AdapterException($"'{folder}' holds no {WeightsFile}. Only safetensors adapters are read; convert adapter_model.bin first.");
        }

        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        var injection = new LoraInjection(model, config, adapter);
        Verify(file, [.. injection.ExpectedTensors().Select(t => ($"{Prefix}{t.Path}.{t.Key}", t.Shape))], config);
        injection.Apply();
        CopyTensors(model, adapter, file);
    }

    /// <summary>Copies a folder's tensors into an adapter that the model has, in place: optimizers keep their hold on them.</summary>
    public static void LoadTensors(nn.Module model, string adapter, string folder)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, WeightsFile));
        string? missing = Tensors(model, adapter).Select(p => p.Key).FirstOrDefault(key => !file.Contains(key));
        if (missing is not null)
        {
            throw new AdapterException($"'{file.Path}' lacks '{missing}'; it does not belong to this adapter.");
        }

        CopyTensors(model, adapter, file);
    }

    private static void CopyTensors(nn.Module model, string adapter, SafeTensorsFile file)
    {
        using var noGrad = no_grad();
        foreach (var (key, parameter) in Tensors(model, adapter))
        {
            using Tensor value = file.View(key);
            parameter.copy_(value);
        }
    }

    private static void Verify(SafeTensorsFile file, IReadOnlyList<(string Key, long[] Shape)> expected, LoraConfig config)
    {
        var problems = new List<string>();
        foreach (var (key, shape) in expected)
        {
            if (!file.Contains(key))
            {
                problems.Add($"missing: {key}");
            }
            else if (!file.Entry(key).Shape.SequenceEqual(shape))
            {
                problems.Add($"{key} is [{string.Join(", ", file.Entry(key).Shape)}] but the model and r give [{string.Join(", ", shape)}]");
            }
        }

        HashSet<string> known = [.. expected.Select(e => e.Key)];
        problems.AddRange(file.Tensors.Select(t => t.Name).Where(n => !known.Contains(n) && !(config.Bias != LoraBias.None && n.EndsWith(".bias", StringComparison.Ordinal))).Select(n => $"unexpected: {n}"));
        if (problems.Count > 0)
        {
            const int Shown = 12;
            string more = problems.Count > Shown ? $" ... and {problems.Count - Shown} more" : "";
            throw new AdapterException($"'{file.Path}' does not fit this model: {string.Join("; ", problems.Take(Shown))}{more}. Was the adapter trained on another base model?");
        }
    }

    private static string Card(string? source) =>
        $"""
        ---
        {(source is null ? "" : $"base_model: {Path.GetFileName(source)}\n")}library_name: peft
        tags:
        - lora
        ---

        # LoRA adapter

        A parameter-efficient adapter{(source is null ? "" : $" of `{Path.GetFileName(source)}`")}, in PEFT's format. Load it in .NET with
        `model.LoadAdapter("<this folder>")` (LoraSharp), or in Python with `PeftModel.from_pretrained(model, "<this folder>")`.

        """;
}
