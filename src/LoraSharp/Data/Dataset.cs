using System.Collections;
using LoraSharp.Data;

namespace LoraSharp;

/// <summary>Rows to train or evaluate on, held in memory. Immutable: every method gives a new data set that shares the rows.</summary>
/// <remarks>
/// Orders are those of Hugging Face's datasets: the same seed shuffles and splits in the same way. Files larger than memory:
/// <see cref="Stream(string, IReadOnlyList{string}?)"/>.
/// </remarks>
public sealed class Dataset : IReadOnlyList<DataRow>
{
    private readonly IReadOnlyList<DataRow> _rows;

    private Dataset(IReadOnlyList<DataRow> rows, string source)
    {
        _rows = rows;
        Source = source;
    }

    /// <summary>Where the rows came from, for messages: a path, or "rows".</summary>
    public string Source { get; }

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>The columns of the first row; none when there is no row.</summary>
    public IReadOnlyList<string> Columns => Count == 0 ? [] : _rows[0].Columns;

    /// <summary>A row by its place.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public DataRow this[int index] => index >= 0 && index < Count
        ? _rows[index]
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"The data set '{Source}' has {Count} rows.");

    /// <summary>
    /// Reads a file: .jsonl or .ndjson (an object a line), .json (an array of objects, or lines), .csv and .tsv (with a header), .txt (a row a line,
    /// column <c>text</c>).
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">Columns to keep; null for all. One that a row lacks is an error that names those it has.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="NotSupportedException">The file's ending is not one of those.</exception>
    /// <exception cref="InvalidDataException">The content is not what the ending says; the message names the line.</exception>
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

    /// <summary>Reads a file row by row, holding one at a time. Each enumeration reads the file anew.</summary>
    /// <param name="path">The file, as in <see cref="Load"/>.</param>
    /// <param name="columns">Columns to keep; null for all.</param>
    /// <returns>The rows, in the file's order; LINQ's operators work on them without loading the file.</returns>
    public static IEnumerable<DataRow> Stream(string path, IReadOnlyList<string>? columns = null)
    {
        IEnumerable<DataRow> rows = RowFiles.Read(path);
        return columns is null ? rows : rows.Select(row => Keep(row, columns, path));
    }

    /// <summary>A data set of the given rows: objects with properties (anonymous ones too), dictionaries, or <see cref="DataRow"/>s.</summary>
    public static Dataset FromRows<T>(IEnumerable<T> rows)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new Dataset([.. rows.Select(row => RowConversion.ToRow(row))], "rows");
    }

    /// <summary>
    /// Replaces every row by what a function makes of it: an object whose properties are the new columns (<c>row => new { text = ... }</c>), a
    /// dictionary, or a <see cref="DataRow"/> (<c>row => row.With("text", ...)</c> keeps the other columns).
    /// </summary>
    /// <param name="convert">Called once for each row, in order.</param>
    /// <param name="cancellationToken">Stops the conversion.</param>
    public Dataset Map<T>(Func<DataRow, T> convert, CancellationToken cancellationToken = default)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(convert);
        var rows = new DataRow[Count];
        for (int i = 0; i < rows.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            rows[i] = RowConversion.ToRow(convert(_rows[i]));
        }

        return new Dataset(rows, Source);
    }

    /// <summary>The rows that fulfil a condition.</summary>
    public Dataset Filter(Func<DataRow, bool> condition) => new([.. _rows.Where(condition)], Source);

    /// <summary>The rows at the given places, in that order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public Dataset Select(IEnumerable<int> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        return new Dataset([.. indices.Select(index => this[index])], Source);
    }

    /// <summary>Only the given columns, in that order.</summary>
    /// <exception cref="InvalidDataException">A row lacks one; the message names those it has.</exception>
    public Dataset SelectColumns(params string[] columns) => new([.. _rows.Select(row => Keep(row, columns, Source))], Source);

    /// <summary>The rows in random order: the one that datasets' <c>shuffle(seed=seed)</c> gives.</summary>
    /// <param name="seed">At least 0.</param>
    public Dataset Shuffle(long seed) => Select(new Pcg64(seed).Permutation(Count));

    /// <summary>The first rows; all of them when there are fewer.</summary>
    public Dataset Take(int count) => new([.. _rows.Take(count)], Source);

    /// <summary>All rows but the first ones.</summary>
    public Dataset Skip(int count) => new([.. _rows.Skip(count)], Source);

    /// <summary>These rows, then those of another data set.</summary>
    public Dataset Concat(Dataset other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new Dataset([.. _rows, .. other._rows], Source);
    }

    /// <summary>Splits into training and test rows as datasets' <c>train_test_split</c> does.</summary>
    /// <param name="testSize">A share below 1 (rounded up) or a number of rows; null: what <paramref name="trainSize"/> leaves, or a quarter.</param>
    /// <param name="seed">At least 0.</param>
    /// <param name="trainSize">A share below 1 (rounded down) or a number of rows; null: what the test rows leave.</param>
    /// <param name="shuffle">Whether to shuffle first; without, the training rows are the first ones.</param>
    /// <exception cref="ArgumentException">The sizes do not fit the number of rows.</exception>
    /// <exception cref="InvalidDataException">The data set is empty.</exception>
    public (Dataset Train, Dataset Test) Split(double? testSize = null, long seed = 42, double? trainSize = null, bool shuffle = true)
    {
        (int train, int test) = SplitSizes.Resolve(RequireRows().Count, testSize, trainSize);
        if (!shuffle)
        {
            return (Take(train), Skip(train).Take(test));
        }

        int[] order = new Pcg64(seed).Permutation(Count);
        return (Select(order.Skip(test).Take(train)), Select(order.Take(test)));
    }

    /// <inheritdoc/>
    public IEnumerator<DataRow> GetEnumerator() => _rows.GetEnumerator();

    /// <summary>The source, the number of rows and the columns.</summary>
    public override string ToString() => $"{Source}: {Count} rows with {DataRow.Describe(Columns)}";

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The rows; an error where there is none.</summary>
    /// <exception cref="InvalidDataException">The data set is empty.</exception>
    internal IReadOnlyList<DataRow> RequireRows() => Count > 0
        ? _rows
        : throw new InvalidDataException($"The data set '{Source}' has no rows. Check the file, and the filters before this step.");

    private static DataRow Keep(DataRow row, IReadOnlyList<string> columns, string source)
    {
        string[] missing = [.. columns.Except(row.Columns)];
        return missing.Length == 0
            ? new DataRow([.. columns], [.. columns.Select(row.Value)])
            : throw new InvalidDataException($"'{source}' has no column {DataRow.Describe(missing)}; it has {DataRow.Describe(row.Columns)}.");
    }
}
