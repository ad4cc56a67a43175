using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>Turns what a user gives as a row into a <see cref="DataRow"/>.</summary>
internal static class RowConversion
{
    private static readonly ConcurrentDictionary<Type, (string[] Names, PropertyInfo[] Properties)> Shapes = new();

    public static DataRow ToRow(object row)
    {
        switch (row)
        {
            case null:
                throw new InvalidDataException("A row is null.");
            case DataRow done:
                return done;
            case IEnumerable<KeyValuePair<string, object?>> pairs:
                return new DataRow(pairs);
            case JsonElement { ValueKind: JsonValueKind.Object } element:
                return FromJson(element);
            default:
                break;
        }

        (string[] names, PropertyInfo[] properties) = Shapes.GetOrAdd(row.GetType(), Shape);
        return names.Length == 0
            ? throw new InvalidDataException($"A row is a {row.GetType().Name}, which has no properties; give an object such as new {{ text = ... }}, a dictionary or a DataRow.")
            : new DataRow(names, [.. properties.Select(property => property.GetValue(row))]);
    }

    /// <summary>A row from a JSON object; of a name that occurs twice the last value counts.</summary>
    /// <param name="json">The object.</param>
    /// <param name="like">A row before it: rows with the same columns share one array of names, which halves the memory of a file of short rows.</param>
    public static DataRow FromJson(JsonElement json, DataRow? like = null)
    {
        var columns = new List<string>();
        var values = new List<object?>();
        foreach (JsonProperty property in json.EnumerateObject())
        {
            object? value = FromJsonValue(property.Value);
            string name = like is not null && columns.Count < like.Columns.Count && property.NameEquals(like.Columns[columns.Count])
                ? like.Columns[columns.Count]
                : property.Name;
            int i = columns.IndexOf(name);
            if (i < 0)
            {
                columns.Add(name);
                values.Add(value);
            }
            else
            {
                values[i] = value;
            }
        }

        return like is not null && columns.SequenceEqual(like.Columns, StringComparer.Ordinal)
            ? like.WithSameColumns([.. values])
            : new DataRow([.. columns], [.. values]);
    }

    private static object? FromJsonValue(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt64(out long integer) ? (object)integer : value.GetDouble(),
        _ => value.Clone(),
    };

    private static (string[] Names, PropertyInfo[] Properties) Shape(Type type)
    {
        // A string or a number has properties too, but is no row.
        PropertyInfo[] properties = type.IsPrimitive || type == typeof(string)
            ? []
            : [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanRead && property.GetIndexParameters().Length == 0)];
        return ([.. properties.Select(property => property.Name)], properties);
    }
}
