using System.Numerics;
using System.Text.Json;

namespace LoraSharp.Quantization;

/// <summary>Reads the fields of a quant_state; every error names the key.</summary>
internal static class QuantStateJson
{
    private const int MaxDimensions = 16;

    public static string TypeName(ElementType type) => type switch
    {
        ElementType.Float32 => "float32",
        ElementType.Float16 => "float16",
        ElementType.BFloat16 => "bfloat16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Unknown element type: use Float32, Float16 or BFloat16."),
    };

    public static QuantState Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"The quant_state must be a JSON object, not {root.ValueKind}.");
        }

        string quantType = String(root, "quant_type");
        int blockSize = BlockSize(root, "blocksize", FourBitLayout.MinBlockSize, FourBitLayout.MaxBlockSize);
        FourBitCodebook book = FourBitCodebook.Find(quantType)
            ?? throw new InvalidDataException($"quant_state: quant_type is '{quantType}'; it must be nf4 or fp4.");
        bool nested = root.TryGetProperty("nested_blocksize", out _) || root.TryGetProperty("nested_offset", out _);
        if (nested && String(root, "nested_dtype") is not "float32" and string other)
        {
            throw new InvalidDataException($"quant_state: nested_dtype is '{other}'; only float32 is known.");
        }

        return new QuantState
        {
            Type = book.Type,
            BlockSize = blockSize,
            ElementType = Type(String(root, "dtype")),
            Shape = Shape(root),
            NestedBlockSize = nested ? BlockSize(root, "nested_blocksize", 1, FourBitLayout.MaxBlockSize) : null,
            NestedOffset = nested ? Single(root, "nested_offset") : 0,
        };
    }

    private static ElementType Type(string name) => name switch
    {
        "float32" => ElementType.Float32,
        "float16" => ElementType.Float16,
        "bfloat16" => ElementType.BFloat16,
        _ => throw new InvalidDataException($"quant_state: dtype is '{name}'; it must be float32, float16 or bfloat16."),
    };

    private static long[] Shape(JsonElement root)
    {
        JsonElement value = Get(root, "shape");
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > MaxDimensions)
        {
            throw Wrong("shape", value, $"an array of at most {MaxDimensions} sizes");
        }

        long count = 1;
        var shape = new long[value.GetArrayLength()];
        for (int i = 0; i < shape.Length; i++)
        {
            if (value[i].ValueKind != JsonValueKind.Number || !value[i].TryGetInt64(out shape[i]) || shape[i] < 0
                || (shape[i] != 0 && count > 2L * int.MaxValue / shape[i]))
            {
                throw Wrong("shape", value, $"sizes whose product is at most {2L * int.MaxValue}");
            }

            count *= shape[i];
        }

        return shape;
    }

    private static int BlockSize(JsonElement root, string key, int min, int max)
    {
        JsonElement value = Get(root, key);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int size) && size >= min && size <= max && BitOperations.IsPow2(size)
            ? size
            : throw Wrong(key, value, $"a power of two from {min} to {max}");
    }

    private static float Single(JsonElement root, string key)
    {
        JsonElement value = Get(root, key);
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && float.IsFinite((float)number)
            ? (float)number
            : throw Wrong(key, value, "a finite single-precision number");
    }

    private static string String(JsonElement root, string key)
    {
        JsonElement value = Get(root, key);
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(key, value, "a string");
    }

    private static JsonElement Get(JsonElement root, string key) =>
        root.TryGetProperty(key, out JsonElement value) ? value : throw new InvalidDataException($"quant_state: the key {key} is missing.");

    private static InvalidDataException Wrong(string key, JsonElement value, string wanted)
    {
        string text = value.GetRawText();
        return new InvalidDataException($"quant_state: {key} is {(text.Length > 80 ? text[..80] + "…" : text)}; it must be {wanted}.");
    }
}
