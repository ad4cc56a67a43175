using LoraSharp.Data;

namespace LoraSharp;

/// <content>Where rows come from.</content>
public sealed partial class Dataset
{
    /// <summary>
    /// Reads a file into memory: .jsonl or .ndjson (an object a line), .json (an array of objects, or lines), .csv and .tsv (with a header), .txt (a row a line, column
    /// <c>text</c>), these also compressed (.gz, .zst); .parquet; .arrow and .feather (the stream form, which Hugging Face's datasets keeps, and the file form).
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">Columns to keep; null for all. One that a row lacks is an error that names those it has.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="NotSupportedException">The file's ending is not one of those.</exception>
    /// <exception cref="InvalidDataException">The content is not what the ending says; the message names the file and the line.</exception>
    public static Dataset Load(string path, IReadOnlyList<string>? columns = null, CancellationToken cancellationToken = default)
    {
        var rows = new List<DataRow>();
        foreach (DataRow row in Stream(path, columns))
        {
            cancellationToken.ThrowIfCancellationRequested();
            rows.Add(row);
        }

        return new Dataset(rows, path);
    }

    /// <summary>
    /// Reads a file row by row, holding one at a time (of .parquet one row group, of .arrow and .feather one record batch). Each enumeration reads the file anew.
    /// </summary>
    /// <param name="path">The file, as in <see cref="Load"/>.</param>
    /// <param name="columns">Columns to keep; null for all. Of .parquet the others are not read at all.</param>
    /// <returns>The rows, in the file's order; LINQ's operators work on them without loading the file.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="NotSupportedException">The file's ending is not one that is known.</exception>
    public static IEnumerable<DataRow> Stream(string path, IReadOnlyList<string>? columns = null) => RowFiles.Read(path, columns);

    /// <summary>
    /// Opens a file that may be larger than memory: rows are read when they are asked for, so that shuffling, selecting, splitting and training work as ever. Lines of JSON are
    /// read where they are; rows of other formats are written once into a temporary file, which vanishes with the data set.
    /// </summary>
    /// <param name="path">The file, as in <see cref="Load"/>; it must not change while the data set is in use.</param>
    /// <param name="columns">Columns to keep; null for all.</param>
    /// <param name="temporaryFolder">Where the temporary file lies; null: the system's folder for temporary files.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="NotSupportedException">The file's ending is not one that is known.</exception>
    /// <exception cref="InvalidDataException">The content is not what the ending says. Of lines of JSON, each is looked at only when it is asked for.</exception>
    public static Dataset Open(string path, IReadOnlyList<string>? columns = null, string? temporaryFolder = null, CancellationToken cancellationToken = default)
    {
        IEnumerable<DataRow> stream = Stream(path, columns);
        if (!RowFiles.IsJsonLines(path))
        {
            return new Dataset(SpooledRows.Spool(stream, path, temporaryFolder, cancellationToken), path);
        }

        IReadOnlyList<DataRow> rows = JsonLineRows.Open(path, cancellationToken);
        return new Dataset(columns is null ? rows : new MappedRows(rows, row => row.Keep(columns, path)), path);
    }

    /// <summary>A data set of rows that come one after the other and may be more than memory holds: they are written once into a temporary file, which vanishes with the data set.</summary>
    /// <param name="rows">The rows; enumerated once. Values become what JSON makes of them.</param>
    /// <param name="temporaryFolder">Where the temporary file lies; null: the system's folder for temporary files.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public static Dataset FromStream(IEnumerable<DataRow> rows, string? temporaryFolder = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new Dataset(SpooledRows.Spool(rows, RowsSource, temporaryFolder, cancellationToken), RowsSource);
    }

    /// <summary>A data set of the given rows, in memory: objects with properties (anonymous ones too), dictionaries, or <see cref="DataRow"/>s.</summary>
    public static Dataset FromRows<T>(IEnumerable<T> rows)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new Dataset([.. rows.Select(row => RowConversion.ToRow(row))], RowsSource);
    }
}
