using System.Text.Json.Nodes;
using LoraSharp.Quantization;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>The object <c>quantization_config</c> of config.json, in both directions.</summary>
internal static class StoredQuantization
{
    public const string Key = "quantization_config";

    private const string Method = "bitsandbytes";
    private const string FullPrecision = "llm_int8_has_fp16_weight";

    private static readonly (string Name, ScalarType Type)[] Types =
    [
        ("float32", ScalarType.Float32), ("bfloat16", ScalarType.BFloat16), ("float16", ScalarType.Float16),
        ("uint8", ScalarType.Byte), ("int8", ScalarType.Int8), ("float64", ScalarType.Float64),
    ];

    /// <summary>How the checkpoint is quantised, or null: not at all.</summary>
    public static QuantizationConfig? Read(ModelConfig config)
    {
        if (config.Section(Key) is not { } stored)
        {
            return null;
        }

        bool in4Bit = stored.Flag("load_in_4bit", false), in8Bit = stored.Flag("load_in_8bit", false);
        if (stored.Text("quant_method", in4Bit || in8Bit ? Method : "") is not Method and var other)
        {
            throw config.Error(
                $"quantization_config with quant_method '{other}' is not supported, only {Method}; give the folder of the model's dense weights, and quantise them with LoadOptions.Quantization");
        }

        if (in4Bit == in8Bit)
        {
            throw stored.Error("one of load_in_4bit and load_in_8bit must be true");
        }

        if (stored.Flag(FullPrecision, false))
        {
            throw stored.Error($"{FullPrecision} is true: such weights are not quantised in the file. Remove {Key} and quantise them while loading");
        }

        var result = new QuantizationConfig
        {
            LoadIn8bit = in8Bit,
            Type = stored.Text("bnb_4bit_quant_type", "fp4") switch
            {
                "nf4" => FourBitType.Nf4,
                "fp4" => FourBitType.Fp4,
                string type => throw stored.Error($"bnb_4bit_quant_type '{type}' is neither nf4 nor fp4"),
            },
            DoubleQuant = stored.Flag("bnb_4bit_use_double_quant", false),
            ComputeType = Type(stored, "bnb_4bit_compute_dtype", "float32"),
            QuantStorage = Type(stored, "bnb_4bit_quant_storage", "uint8"),
            Int8Threshold = stored.Number("llm_int8_threshold", 6.0),
            SkipModules = stored.List<string>("llm_int8_skip_modules"),
        };
        try
        {
            result.Validate();
        }
        catch (ArgumentException e)
        {
            throw stored.Error(e.Message);
        }

        return result;
    }

    /// <summary>What the file says, with the type of the products that the caller asks for.</summary>
    public static QuantizationConfig Combine(QuantizationConfig stored, QuantizationConfig? asked) => asked switch
    {
        null => stored,
        _ when asked.LoadIn8bit != stored.LoadIn8bit => throw new ArgumentException(
            $"LoadOptions.Quantization asks for {Bits(asked)} bits, but the checkpoint is quantised to {Bits(stored)} already. Leave it null, or load the unquantised model."),
        _ => stored with { ComputeType = asked.ComputeType ?? stored.ComputeType },
    };

    /// <summary>The object to write.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="dtype">Type of the hidden states, which the products have where the settings name none.</param>
    /// <param name="source">The object that the model was loaded with, whose other keys are kept, or null.</param>
    public static JsonObject Write(QuantizationConfig config, ScalarType dtype, JsonObject? source)
    {
        // A model in 8 bits still lists the defaults of the 4-bit settings.
        QuantizationConfig four = config.LoadIn8bit ? new() { Type = FourBitType.Fp4, DoubleQuant = false, ComputeType = ScalarType.Float32 } : config;
        JsonObject json = source?.DeepClone().AsObject() ?? new JsonObject { ["llm_int8_enable_fp32_cpu_offload"] = false, [FullPrecision] = false };
        json["_load_in_4bit"] = !config.LoadIn8bit;
        json["_load_in_8bit"] = config.LoadIn8bit;
        json["bnb_4bit_compute_dtype"] = Name(four.ComputeType ?? dtype);
        json["bnb_4bit_quant_storage"] = Name(four.QuantStorage);
        json["bnb_4bit_quant_type"] = four.Type == FourBitType.Nf4 ? "nf4" : "fp4";
        json["bnb_4bit_use_double_quant"] = four.DoubleQuant;
        json["llm_int8_skip_modules"] = config.SkipModules is { } skipped ? new JsonArray([.. skipped.Select(name => JsonValue.Create(name))]) : null;
        json["llm_int8_threshold"] = Number(config.Int8Threshold);
        json["load_in_4bit"] = !config.LoadIn8bit;
        json["load_in_8bit"] = config.LoadIn8bit;
        json["quant_method"] = Method;
        return Sorted(json);
    }

    private static JsonObject Sorted(JsonObject json) =>
        new(json.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone())));

    private static ScalarType Type(ModelConfig stored, string key, string defaultName)
    {
        // Old versions wrote torch.float16.
        string name = stored.Text(key, defaultName), bare = name.StartsWith("torch.", StringComparison.Ordinal) ? name["torch.".Length..] : name;
        return Types.FirstOrDefault(entry => entry.Name == bare) is { Name: not null } found
            ? found.Type
            : throw stored.Error($"{key} '{name}' is not one of {string.Join(", ", Types.Select(entry => entry.Name))}");
    }

    // As Python writes it: 6.0, not 6.
    private static JsonNode? Number(double value) =>
        double.IsInteger(value) ? JsonNode.Parse(value.ToString("F1", System.Globalization.CultureInfo.InvariantCulture)) : value;

    private static string Name(ScalarType type) => Types.First(entry => entry.Type == type).Name;

    private static int Bits(QuantizationConfig config) => config.LoadIn8bit ? 8 : 4;
}
