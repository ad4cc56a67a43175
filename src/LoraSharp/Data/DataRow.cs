using System.Collections;
using System.Globalization;
using System.Text.Json;

namespace LoraSharp;

/// <summary>One row of a data set: named values, as a JSON object has them. Immutable.</summary>
/// <remarks>
/// A value is null, a <see cref="string"/>, <see cref="bool"/>, <see cref="long"/>, <see cref="double"/>, a <see cref="JsonElement"/> (arrays and
/// objects that come from files) or any object that <see cref="Dataset.Map"/> was given.
/// </remarks>
public sealed class DataRow : IEnumerable<KeyValuePair<string, object?>>
{
    private readonly string[] _columns;
    private readonly object?[] _values;

    /// <summary>Makes a row from named values.</summary>
    /// <exception cref="ArgumentException">A name occurs twice.</exception>
    public DataRow(IEnumerable<KeyValuePair<string, object?>> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        KeyValuePair<string, object?>[] pairs = [.. values];
        _columns = [.. pairs.Select(pair => pair.Key)];
        _values = [.. pairs.Select(pair => pair.Value)];
        if (_columns.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"The column '{twice.Key}' occurs twice.", nameof(values));
        }
    }

    /// <summary>Makes a row from arrays that the caller gives away; rows of a file share one array of names.</summary>
    internal DataRow(string[] columns, object?[] values)
    {
        _columns = columns;
        _values = values;
    }

    /// <summary>The names of the columns, in order.</summary>
    public IReadOnlyList<string> Columns => _columns;

    /// <summary>The text of a column: strings as they are, numbers in invariant form, arrays and objects as JSON, null as an empty string.</summary>
    /// <exception cref="KeyNotFoundException">There is no such column; the message names those that exist.</exception>
    public string this[string column] => Value(column) switch
    {
        null => "",
        string text => text,
        bool flag => flag ? "true" : "false",
        JsonElement element => element.GetRawText(),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        { } other => JsonSerializer.Serialize(other),
    };

    /// <summary>Whether the row has the column and its value is not null.</summary>
    public bool Has(string column) => Array.IndexOf(_columns, column) is >= 0 and int i && _values[i] is not null;

    /// <summary>The value of a column as it is stored.</summary>
    /// <exception cref="KeyNotFoundException">There is no such column; the message names those that exist.</exception>
    public object? Value(string column)
    {
        ArgumentNullException.ThrowIfNull(column);
        int i = Array.IndexOf(_columns, column);
        return i >= 0
            ? _values[i]
            : throw new KeyNotFoundException($"The row has no column '{column}'; it has {Describe(_columns)}.");
    }

    /// <summary>The value of a column as a type of yours: numbers, arrays (<c>int[]</c>), records, anything that its JSON form can become.</summary>
    /// <exception cref="KeyNotFoundException">There is no such column.</exception>
    /// <exception cref="InvalidDataException">The value cannot become a <typeparamref name="T"/>.</exception>
    public T Get<T>(string column)
    {
        object? value = Value(column);
        if (value is T typed)
        {
            return typed;
        }

        try
        {
            JsonElement json = value is JsonElement element ? element : JsonSerializer.SerializeToElement(value);
            T? converted = json.Deserialize<T>();
            return converted is null && default(T) is not null ? throw new JsonException("The value is null.") : converted!;
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException)
        {
            string kind = value is JsonElement json ? $"JSON {json.ValueKind}" : value?.GetType().Name ?? "null";
            throw new InvalidDataException($"The column '{column}' holds a {kind}, which cannot be read as {typeof(T).Name}: {exception.Message}", exception);
        }
    }

    /// <summary>The same row with a column added or replaced.</summary>
    public DataRow With(string column, object? value)
    {
        ArgumentNullException.ThrowIfNull(column);
        int i = Array.IndexOf(_columns, column);
        if (i < 0)
        {
            return new DataRow([.. _columns, column], [.. _values, value]);
        }

        object?[] values = [.. _values];
        values[i] = value;
        return new DataRow(_columns, values);
    }

    /// <summary>The same row without some columns; those that it lacks are passed over.</summary>
    public DataRow Without(params string[] columns) => new(this.Where(pair => !columns.Contains(pair.Key)));

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (int i = 0; i < _columns.Length; i++)
        {
            yield return KeyValuePair.Create(_columns[i], _values[i]);
        }
    }

    /// <summary>The row as JSON.</summary>
    public override string ToString() => JsonSerializer.Serialize(new Dictionary<string, object?>(this));

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Other values under the same names, sharing the array of names.</summary>
    internal DataRow WithSameColumns(object?[] values) => new(_columns, values);

    /// <summary>The given columns alone.</summary>
    /// <exception cref="InvalidDataException">The row lacks one; the message names the source and those it has.</exception>
    internal DataRow Keep(IReadOnlyList<string> columns, string source)
    {
        string[] missing = [.. columns.Except(_columns)];
        return missing.Length == 0
            ? new DataRow([.. columns], [.. columns.Select(Value)])
            : throw new InvalidDataException($"'{source}' has no column {Describe(missing)}; it has {Describe(_columns)}.");
    }

    internal static string Describe(IReadOnlyCollection<string> columns) =>
        columns.Count == 0 ? "no columns" : string.Join(", ", columns.Select(name => $"'{name}'"));
}
