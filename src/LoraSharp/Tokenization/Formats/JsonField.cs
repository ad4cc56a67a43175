using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>A value of a JSON file that knows its place, so that every wrong type or missing field is named in one way.</summary>
internal readonly struct JsonField(JsonElement element, string file, string path)
{
    public JsonElement Element => element;

    public string File => file;

    public string Path => path;

    public bool IsNull => element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public JsonValueKind Kind => element.ValueKind;

    /// <summary>A required field of an object.</summary>
    public JsonField this[string name] =>
        TryGet(name) ?? throw Fail($"the field '{name}' is missing", $"Add '{name}', or save the file again with the program that made it");

    /// <summary>An element of an array.</summary>
    public JsonField this[int index] => new(element[index], file, $"{path}[{index}]");

    /// <summary>Opens a file.</summary>
    public static JsonField ReadFile(string path, out JsonDocument document)
    {
        try
        {
            using FileStream stream = System.IO.File.OpenRead(path);
            document = JsonDocument.Parse(stream);
            return new JsonField(document.RootElement, path, "$");
        }
        catch (JsonException e)
        {
            throw new TokenizerFormatException(
                path,
                $"line {e.LineNumber + 1}, byte {e.BytePositionInLine}",
                "this is not valid JSON (the file may be cut off)",
                "Copy or download the file again",
                e);
        }
    }

    /// <summary>A field of an object, or null where it is missing or null.</summary>
    public JsonField? TryGet(string name)
    {
        Require(JsonValueKind.Object);
        return element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? new JsonField(value, file, $"{path}.{name}")
            : null;
    }

    public string AsString()
    {
        Require(JsonValueKind.String);
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw Fail("the string holds a lone surrogate, which is no character", "Remove the entry", e);
        }
    }

    public bool AsBool() => element.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? element.GetBoolean()
        : throw Fail($"true or false is expected, not {Describe()}", "Correct the value");

    /// <summary>An integer from 0 to 2,147,483,647.</summary>
    public int AsCount()
    {
        if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out long value) || value is < 0 or > int.MaxValue)
        {
            throw Fail($"a whole number from 0 to {int.MaxValue} is expected, not {Describe()}", "Correct the value");
        }

        return (int)value;
    }

    public double AsDouble() => element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double value) && double.IsFinite(value)
        ? value
        : throw Fail($"a number is expected, not {Describe()}", "Correct the value");

    public string StringOr(string name, string fallback) => TryGet(name)?.AsString() ?? fallback;

    public bool BoolOr(string name, bool fallback) => TryGet(name)?.AsBool() ?? fallback;

    /// <summary>The number of elements of an array.</summary>
    public int ArrayLength()
    {
        Require(JsonValueKind.Array);
        return element.GetArrayLength();
    }

    /// <summary>The elements of an array.</summary>
    public IEnumerable<JsonField> Items()
    {
        Require(JsonValueKind.Array);
        return Enumerate(element, file, path);

        static IEnumerable<JsonField> Enumerate(JsonElement array, string file, string path)
        {
            int index = 0;
            foreach (JsonElement item in array.EnumerateArray())
            {
                yield return new JsonField(item, file, $"{path}[{index++}]");
            }
        }
    }

    /// <summary>The fields of an object.</summary>
    public IEnumerable<(string Name, JsonField Value)> Properties()
    {
        Require(JsonValueKind.Object);
        return Enumerate(element, file, path);

        static IEnumerable<(string, JsonField)> Enumerate(JsonElement obj, string file, string path)
        {
            foreach (JsonProperty property in obj.EnumerateObject())
            {
                string name;
                try
                {
                    name = property.Name;
                }
                catch (InvalidOperationException e)
                {
                    throw new TokenizerFormatException(
                        file, path, "a field's name holds a lone surrogate, which is no character", "Remove the field", e);
                }

                yield return (name, new JsonField(property.Value, file, $"{path}.{name}"));
            }
        }
    }

    public void Require(JsonValueKind kind)
    {
        if (element.ValueKind != kind)
        {
            throw Fail(
                $"{(kind == JsonValueKind.Object ? "an" : "a")} {kind.ToString().ToLowerInvariant()} is expected, not {Describe()}",
                "Correct the value");
        }
    }

    public TokenizerFormatException Fail(string problem, string cure, Exception? inner = null) => new(file, path, problem, cure, inner);

    private string Describe()
    {
        string text = element.ValueKind is JsonValueKind.Undefined ? "nothing" : element.GetRawText();
        return text.Length <= 60 ? text : string.Concat(text.AsSpan(0, 57), "...");
    }
}
