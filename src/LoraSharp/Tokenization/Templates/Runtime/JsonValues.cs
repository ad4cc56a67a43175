using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>JSON as values of a template, the way Python reads JSON: numbers with a point or exponent are floats, all others integers of any size.</summary>
internal static class JsonValues
{
    public static object? From(JsonNode? node)
    {
        Renderer.CountNested(0);
        switch (node)
        {
            case null:
                return null;
            case JsonArray array:
                return new JinjaList([.. array.Select(From)]);
            case JsonObject members:
                return JinjaDict.Of(members.Select(m => KeyValuePair.Create(m.Key, From(m.Value))));
            default:
                return FromScalar(node);
        }
    }

    public static Dictionary<string, object?> Variables(JsonObject members) => members.ToDictionary(m => m.Key, m => From(m.Value), StringComparer.Ordinal);

    private static object? FromScalar(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.String => node.GetValue<string>(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        // A float made in .NET stays one even where it is whole.
        JsonValueKind.Number when node.AsValue().TryGetValue(out double d) && node.AsValue().GetValue<object>() is double or float => d,
        JsonValueKind.Number => FromNumber(node.ToJsonString()),
        _ => From(JsonNode.Parse(node.ToJsonString())),
    };

    private static object FromNumber(string text) => text.AsSpan().ContainsAny('.', 'e', 'E')
        ? double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)
        : text.Length <= Integers.MaxDigits
            ? Integers.Normalize(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : throw Errors.Value($"an integer of {text.Length} digits is too long; at most {Integers.MaxDigits} are allowed");
}
