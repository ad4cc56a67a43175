using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>Rows from JSON: an object a line, or one array of objects.</summary>
internal static class JsonRows
{
    /// <summary>A file whose first character decides: an array of objects, or lines.</summary>
    public static IEnumerable<DataRow> Read(string path)
    {
        using (StreamReader reader = File.OpenText(path))
        {
            int first = reader.Read();
            while (first >= 0 && char.IsWhiteSpace((char)first))
            {
                first = reader.Read();
            }

            if (first != '[')
            {
                return ReadLines(path);
            }
        }

        return ReadArray(path);
    }

    public static IEnumerable<DataRow> ReadLines(string path)
    {
        int number = 0;
        DataRow? last = null;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return last = Parse(line, $"{path}, line {number}", last);
            }
        }
    }

    private static IEnumerable<DataRow> ReadArray(string path)
    {
        using FileStream stream = File.OpenRead(path);
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
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path}, element {number}: {exception.Message}", exception);
        }
    }

    private static DataRow Parse(string line, string place, DataRow? last)
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

    private static DataRow ToRow(JsonElement element, string place, DataRow? last) => element.ValueKind == JsonValueKind.Object
        ? RowConversion.FromJson(element, last)
        : throw new InvalidDataException($"{place}: a row is a JSON object, this is a JSON {element.ValueKind}.");
}
