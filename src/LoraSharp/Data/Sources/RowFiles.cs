using System.IO.Compression;

namespace LoraSharp.Data;

/// <summary>The file formats that rows are read from, by the file's ending. A further format is one more entry.</summary>
internal static class RowFiles
{
    /// <summary>Formats that are read from the start to the end, and may be compressed as a whole.</summary>
    private static readonly Dictionary<string, Func<TextSource, IEnumerable<DataRow>>> Texts = new(StringComparer.OrdinalIgnoreCase)
    {
        [".jsonl"] = JsonRows.ReadLines,
        [".ndjson"] = JsonRows.ReadLines,
        [".json"] = JsonRows.Read,
        [".csv"] = source => CsvRows.Read(source, ','),
        [".tsv"] = source => CsvRows.Read(source, '\t'),
        [".txt"] = TextRows.Read,
    };

    /// <summary>Formats that hold values column by column; only the wanted columns (null: all) are read.</summary>
    private static readonly Dictionary<string, Func<string, IReadOnlyList<string>?, IEnumerable<DataRow>>> Columns = new(StringComparer.OrdinalIgnoreCase)
    {
        [".parquet"] = ParquetRows.Read,
        [".arrow"] = ArrowRows.Read,
        [".feather"] = ArrowRows.Read,
    };

    private static readonly Dictionary<string, Func<Stream, Stream>> Compressions = new(StringComparer.OrdinalIgnoreCase)
    {
        [".gz"] = stream => new GZipStream(stream, CompressionMode.Decompress),
        [".zst"] = stream => new ZstdSharp.DecompressionStream(stream, leaveOpen: false),
    };

    /// <summary>Opens nothing yet, but says at once when the file is not there or of no known format.</summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">The columns to keep; null for all.</param>
    public static IEnumerable<DataRow> Read(string path, IReadOnlyList<string>? columns = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException(
                Directory.Exists(path)
                    ? $"'{path}' is a folder. Rows are read from files: read each of them, and join the data sets with Concat."
                    : $"The data file '{path}' does not exist.",
                path);
        }

        string ending = Path.GetExtension(path);
        if (Columns.TryGetValue(ending, out var readColumns))
        {
            return readColumns(path, columns);
        }

        bool compressed = Compressions.TryGetValue(ending, out Func<Stream, Stream>? decompress);
        if (!Texts.TryGetValue(compressed ? Path.GetExtension(Path.GetFileNameWithoutExtension(path)) : ending, out var readText))
        {
            throw new NotSupportedException(
                $"'{path}' ends in '{ending}'; rows are read from files that end in {string.Join(", ", Texts.Keys.Concat(Columns.Keys))}, "
                + $"the text formats also compressed ({string.Join(", ", Compressions.Keys)}).");
        }

        IEnumerable<DataRow> rows = readText(new TextSource(path, decompress));
        return columns is null ? rows : rows.Select(row => row.Keep(columns, path));
    }

    /// <summary>Whether the file is plain lines of JSON, of which each can be found again by its place.</summary>
    public static bool IsJsonLines(string path) => Path.GetExtension(path).ToUpperInvariant() is ".JSONL" or ".NDJSON";
}
