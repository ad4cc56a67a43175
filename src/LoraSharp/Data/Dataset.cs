using System.Collections;
using LoraSharp.Data;

namespace LoraSharp;

/// <summary>
/// Rows to train or evaluate on: in memory (<see cref="Load"/>, <see cref="FromRows"/>), or read from a file when they are asked for (<see cref="Open"/>, <see cref="FromStream"/>).
/// Immutable: every method gives a new data set that shares the rows.
/// </summary>
/// <remarks>Orders are those of Hugging Face's datasets: the same seed shuffles, splits and interleaves in the same way.</remarks>
public sealed partial class Dataset : IReadOnlyList<DataRow>
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

    /// <summary>Whether rows are read, and mapped, anew each time they are asked for, instead of lying in memory.</summary>
    public bool IsOnDemand => _rows is RowsOnDemand;

    /// <summary>A row by its place.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    /// <exception cref="InvalidDataException">The row is read on demand, and its line is malformed.</exception>
    public DataRow this[int index] => index >= 0 && index < Count
        ? _rows[index]
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"The data set '{Source}' has {Count} rows.");

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
}
