namespace LoraSharp.Data;

/// <summary>The file formats that rows are read from, by the file's ending. A further format is one more entry.</summary>
internal static class RowFiles
{
    private static readonly Dictionary<string, Func<string, IEnumerable<DataRow>>> Readers = new(StringComparer.OrdinalIgnoreCase)
    {
        [".jsonl"] = JsonRows.ReadLines,
        [".ndjson"] = JsonRows.ReadLines,
        [".json"] = JsonRows.Read,
        [".csv"] = path => CsvRows.Read(path, ','),
        [".tsv"] = path => CsvRows.Read(path, '\t'),
        [".txt"] = ReadText,
    };

    /// <summary>Opens nothing yet, but says at once when the file is not there or of no known format.</summary>
    public static IEnumerable<DataRow> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"The data file '{path}' does not exist.", path);
        }

        return Readers.TryGetValue(Path.GetExtension(path), out Func<string, IEnumerable<DataRow>>? read)
            ? read(path)
            : throw new NotSupportedException(
                $"'{path}' ends in '{Path.GetExtension(path)}'; rows are read from files that end in {string.Join(", ", Readers.Keys)}.");
    }

    private static IEnumerable<DataRow> ReadText(string path)
    {
        string[] columns = ["text"];
        return File.ReadLines(path).Select(line => new DataRow(columns, [line]));
    }
}
