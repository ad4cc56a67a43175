using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Adapters.Files;

/// <summary>Reads the keys of an adapter_config.json with the types that the caller knows, and remembers which were asked for.</summary>
internal sealed class ConfigReader(JsonObject json, string source)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal) { "peft_type", "peft_version", "inference_mode" };

    /// <summary>The file, for errors.</summary>
    public string Source => source;

    public JsonNode? Node(string key)
    {
        _known.Add(key);
        return json[key];
    }

    public bool Has(string key) => Node(key) is not null;

    public string? Text(string key) => Read<string>(key, null);

    public string Text(string key, string defaultValue) => Read(key, defaultValue)!;

    public int Integer(string key, int defaultValue) => Node(key) is null ? defaultValue : Read(key, defaultValue);

    public double Number(string key, double defaultValue) => Node(key) is null ? defaultValue : Read<double>(key, defaultValue);

    public bool Flag(string key, bool defaultValue) => Node(key) is null ? defaultValue : Read<bool>(key, defaultValue);

    public IReadOnlyList<T> List<T>(string key) => Node(key) switch
    {
        null => [],
        JsonArray array => [.. array.Select(item => Convert<T>(key, item))],
        JsonNode single => [Convert<T>(key, single)],
    };

    public IReadOnlyList<KeyValuePair<string, T>> Table<T>(string key) => Node(key) switch
    {
        null => [],
        JsonObject table => [.. table.Select(entry => KeyValuePair.Create(entry.Key, Convert<T>(key, entry.Value)))],
        JsonNode other => throw Error(key, other, "an object"),
    };

    /// <summary>The key <c>bias</c>, whose third value is named after the method.</summary>
    public AdapterBias Bias(string only) => Text("bias", "none") switch
    {
        "none" => AdapterBias.None,
        "all" => AdapterBias.All,
        string value when value == only => AdapterBias.AdaptedLayers,
        string other => throw Error("bias", other, $"none, all or {only}"),
    };

    /// <summary>A key whose feature changes the numbers and is not supported: it may only be absent or off.</summary>
    public void RequireOff(string key)
    {
        if (Node(key) is { } value && value.GetValueKind() is not JsonValueKind.False && value is not JsonArray { Count: 0 } and not JsonObject { Count: 0 })
        {
            throw new AdapterException($"{source}: '{key}' is {value.ToJsonString()}, a feature that is not supported; to ignore it would give wrong results.");
        }
    }

    /// <summary>Keys that nothing here depends on.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            _known.Add(key);
        }
    }

    /// <summary>Keys of the file that nobody asked for.</summary>
    public IReadOnlyList<string> Unknown() => [.. json.Select(pair => pair.Key).Where(key => !_known.Contains(key))];

    public TargetModules? Targets(string key) => Node(key) switch
    {
        null => null,
        JsonArray => List<string>(key).ToArray(),
        _ => TargetModules.FromString(Text(key)!),
    };

    public AdapterException Error(string key, JsonNode? value, string wanted) => new($"{source}: '{key}' is {value?.ToJsonString() ?? "null"}; it must be {wanted}.");

    /// <summary>The keys that every method has.</summary>
    public T Common<T>(T config)
        where T : AdapterConfig => config with
        {
            TaskType = Text("task_type"),
            BaseModelNameOrPath = Text("base_model_name_or_path"),
            Revision = Text("revision"),
            AutoMapping = Node("auto_mapping")?.DeepClone(),
            TargetModules = Targets("target_modules"),
            ExcludeModules = Targets("exclude_modules"),
            ModulesToSave = List<string>("modules_to_save"),
            LayersToTransform = Has("layers_to_transform") ? List<int>("layers_to_transform") : null,
            WritesSingleLayer = Node("layers_to_transform") is JsonValue,
            LayersPattern = List<string>("layers_pattern"),
        };

    private T? Read<T>(string key, T? defaultValue) => Node(key) is { } node ? Convert<T>(key, node) : defaultValue;

    private T Convert<T>(string key, JsonNode? node)
    {
        try
        {
            // Whole numbers are sometimes written as 8.0, and numbers as 8.
            return typeof(T) == typeof(int) ? (T)(object)checked((int)node!.GetValue<double>())
                : typeof(T) == typeof(long) ? (T)(object)checked((long)node!.GetValue<double>())
                : node!.GetValue<T>();
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException or NullReferenceException)
        {
            throw Error(key, node, typeof(T) == typeof(string) ? "a text" : typeof(T) == typeof(bool) ? "true or false" : typeof(T) == typeof(double) ? "a number" : "a whole number");
        }
    }
}
