using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>Rows from JSON: an object a line, or one array of objects.</summary>
internal static class JsonRows
{
    /// <summary>A file whose first character decides: an array of objects, or lines.</summary>
    public static IEnumerable<DataRow> Read(TextSource source)
    {
        using (StreamReader reader = source.Open())
        {
            int first = source.Try(reader.Read);
            while (first >= 0 && char.IsWhiteSpace((char)first))
            {
                first = source.Try(reader.Read);
            }

            if (first != '[')
            {
                return ReadLines(source);
            }
        }

        return ReadArray(source);
    }

    public static IEnumerable<DataRow> ReadLines(TextSource source)
    {
        DataRow? last = null;
        using StreamReader reader = source.Open();
        for (long number = 1; source.ReadLine(reader) is { } line; number++)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return last = Parse(line.AsMemory(), $"{source.Path}, line {number}", last);
            }
        }
    }

    /// <summary>The row of one line.</summary>
    /// <param name="line">The JSON object.</param>
    /// <param name="place">Where it stands, for messages.</param>
    /// <param name="last">A row before it, perhaps with the same columns.</param>
    /// <exception cref="InvalidDataException">The line is not a JSON object.</exception>
    public static DataRow Parse(ReadOnlyMemory<char> line, string place, DataRow? last)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return ToRow(document.RootElement, place, last);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{place}: {exception.Message}", exception);
        }
    }

    private static IEnumerable<DataRow> ReadArray(TextSource source)
    {
        string path = source.Path;
        using Stream stream = source.OpenBytes();
        IAsyncEnumerator<JsonElement> elements = JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(stream).GetAsyncEnumerator();
        DataRow? last = null;
        try
        {
            for (int number = 1; Next(elements, path, number); number++)
            {
                yield return last = ToRow(elements.Current, $"{path}, element {number}", last);
            }
        }
        finally
        {
            elements.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static bool Next(IAsyncEnumerator<JsonElement> elements, string path, int number)
    {
        try
        {
            return elements.MoveNextAsync().AsTask().GetAwaiter().GetResult();
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
        {
            throw new InvalidDataException($"{path}, element {number}: {exception.Message}", exception);
        }
    }

    private static DataRow ToRow(JsonElement element, string place, DataRow? last) => element.ValueKind == JsonValueKind.Object
        ? RowConversion.FromJson(element, last)
        : throw new InvalidDataException($"{place}: a row is a JSON object, this is a JSON {element.ValueKind}.");
}
