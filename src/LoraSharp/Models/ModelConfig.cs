using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Files;

namespace LoraSharp.Models;

/// <summary>A model's config.json: every key as it was written, read with the types and defaults that the caller knows.</summary>
public sealed class ModelConfig
{
    internal const string FileName = "config.json";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    // A key that is there twice would surface as another exception later.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly string _source;

    /// <summary>Wraps a configuration; <paramref name="source"/> is named in errors.</summary>
    public ModelConfig(JsonObject json, string source = "the configuration")
    {
        ArgumentNullException.ThrowIfNull(json);

        // A node made in C# knows only the type that it was made with; a parsed one gives a number as any number.
        Json = JsonNode.Parse(json.ToJsonString())!.AsObject();
        _source = source;
    }

    /// <summary>The configuration itself.</summary>
    public JsonObject Json { get; }

    /// <summary>The family's name: <c>llama</c>, <c>qwen2</c>, ...</summary>
    public string ModelType => Text("model_type");

    /// <summary>Reads config.json of a model folder.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="ModelFormatException">There is no config.json, or it is malformed.</exception>
    public static ModelConfig Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        AtomicFolder.Recover(folder);
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"There is no model folder '{folder}'. Give the path of a Hugging Face model folder (config.json, *.safetensors, tokenizer.json).");
        }

        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new ModelFormatException($"'{folder}' holds no {FileName}, so it is not a Hugging Face model folder. Give the folder that holds {FileName} and the safetensors files.");
        }

        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path), null, Strict) is JsonObject json
                ? new ModelConfig(json, $"'{path}'")
                : throw new ModelFormatException($"'{path}' is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new ModelFormatException($"'{path}' is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Whether a key is there with a value other than null.</summary>
    public bool Has(string key) => Json[key] is not null;

    /// <summary>A string; without a default the key is required.</summary>
    public string Text(string key, string? defaultValue = null) => Read(key, defaultValue);

    /// <summary>A whole number.</summary>
    public int Integer(string key, int? defaultValue = null) => Read(key, defaultValue);

    /// <summary>A number.</summary>
    public double Number(string key, double? defaultValue = null) => Read(key, defaultValue);

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool? defaultValue = null) => Read(key, defaultValue);

    /// <summary>A whole number that may be absent or null.</summary>
    public int? OptionalInteger(string key) => Has(key) ? Integer(key) : null;

    /// <summary>A nested object as a configuration of its own, or null.</summary>
    public ModelConfig? Section(string key) => Json[key] switch
    {
        null => null,
        JsonObject json => new ModelConfig(json, $"'{key}' in {_source}"),
        JsonNode other => throw Error($"'{key}' is {Shortened(other)}, which is not an object"),
    };

    /// <summary>A list of values, or null when the key is absent.</summary>
    public T[]? List<T>(string key) => Json[key] switch
    {
        null => null,
        JsonArray array => [.. array.Select(item => Convert<T>(key, item))],
        JsonNode other => throw Error($"'{key}' is {Shortened(other)}, which is not a list"),
    };

    /// <summary>Ids that may be written as one number or as a list (<c>eos_token_id</c>).</summary>
    public int[] IdList(string key) => Json[key] switch
    {
        JsonArray array => [.. array.Select(item => Convert<int>(key, item))],
        null => [],
        JsonNode node => [Convert<int>(key, node)],
    };

    /// <summary>The text of a configuration file.</summary>
    internal static string Write(JsonObject json) => json.ToJsonString(Indented) + "\n";

    /// <summary>Whether a key is there, be it with the value null.</summary>
    internal bool Mentions(string key) => Json.ContainsKey(key);

    /// <summary>A number that may be absent or null.</summary>
    internal double? OptionalNumber(string key) => Has(key) ? Number(key) : null;

    /// <summary>Whether the value of a key is a text.</summary>
    internal bool IsText(string key) => Json[key] is JsonValue value && value.GetValueKind() == JsonValueKind.String;

    /// <summary>The first of several keys that is there with a value.</summary>
    internal string? FirstOf(params string[] keys) => Array.Find(keys, Has);

    /// <summary>An error about this configuration.</summary>
    internal ModelFormatException Error(string what) => new($"{_source}: {what}.");

    private T Read<T>(string key, T? defaultValue)
        where T : struct =>
        Json[key] is { } node ? Convert<T>(key, node) : defaultValue ?? throw Error($"the key '{key}' is missing");

    private T Read<T>(string key, T? defaultValue)
        where T : class =>
        Json[key] is { } node ? Convert<T>(key, node) : defaultValue ?? throw Error($"the key '{key}' is missing");

    private T Convert<T>(string key, JsonNode? node)
    {
        try
        {
            if (typeof(T) != typeof(int))
            {
                return node.Deserialize<T>() ?? throw new FormatException();
            }

            // Whole numbers are sometimes written as 10000.0.
            double number = node.Deserialize<double>();
            return double.IsInteger(number) ? (T)(object)checked((int)number) : throw new FormatException();
        }
        catch (Exception e) when (e is JsonException or FormatException or OverflowException)
        {
            throw new ModelFormatException($"{_source}: '{key}' is {Shortened(node)}, which is not {Describe<T>()}.", e);
        }
    }

    // A hostile file may hold a value of any length.
    private static string Shortened(JsonNode? node)
    {
        const int Longest = 100;
        string text = node?.ToJsonString() ?? "null";
        return text.Length <= Longest ? text : text[..Longest] + "...";
    }

    private static string Describe<T>() =>
        typeof(T) == typeof(string) ? "a text" : typeof(T) == typeof(bool) ? "true or false" : typeof(T) == typeof(int) ? "a whole number" : "a number";
}
