namespace LoraSharp.Data;

/// <summary>A row a line, in the column <c>text</c>.</summary>
internal static class TextRows
{
    public static IEnumerable<DataRow> Read(TextSource source)
    {
        string[] columns = ["text"];
        using StreamReader reader = source.Open();
        while (source.ReadLine(reader) is { } line)
        {
            yield return new DataRow(columns, [line]);
        }
    }
}
