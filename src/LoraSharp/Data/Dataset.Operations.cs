using LoraSharp.Data;

namespace LoraSharp;

/// <content>What is made of rows.</content>
public sealed partial class Dataset
{
    private const string RowsSource = "rows";

    /// <summary>
    /// Replaces every row by what a function makes of it: an object whose properties are the new columns (<c>row => new { text = ... }</c>), a
    /// dictionary, or a <see cref="DataRow"/> (<c>row => row.With("text", ...)</c> keeps the other columns).
    /// </summary>
    /// <param name="convert">Called once for each row; for rows on demand (<see cref="IsOnDemand"/>) each time the row is asked for, unless the result is cached.</param>
    /// <param name="options">Threads, progress and a cache; null: one thread, nothing kept.</param>
    /// <param name="cancellationToken">Stops the conversion.</param>
    /// <exception cref="InvalidDataException">The function gave what is no row.</exception>
    public Dataset Map<T>(Func<DataRow, T> convert, MapOptions? options = null, CancellationToken cancellationToken = default)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(convert);
        options ??= new MapOptions();
        options.Validate();
        if (options.CacheFolder is { } folder)
        {
            return new Dataset(RowCache.GetOrAdd(folder, options.CacheKey!, _rows, () => Converted(), cancellationToken), Source);
        }

        return new Dataset(IsOnDemand ? new MappedRows(_rows, row => RowConversion.ToRow(convert(row))) : [.. Converted()], Source);

        IEnumerable<DataRow> Converted() =>
            OrderedWork.Run(_rows, (row, _) => RowConversion.ToRow(convert(row)), options.Workers, options.Progress, cancellationToken);
    }

    /// <summary>The rows that fulfil a condition.</summary>
    /// <param name="condition">Called once for each row.</param>
    /// <param name="options">Threads and progress; null: one thread. Nothing is cached.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    public Dataset Filter(Func<DataRow, bool> condition, MapOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(condition);
        options ??= new MapOptions();
        options.Validate();
        IEnumerable<bool> kept = OrderedWork.Run(_rows, (row, _) => condition(row), options.Workers, options.Progress, cancellationToken);
        return Select(kept.Select((keep, i) => keep ? i : -1).Where(i => i >= 0));
    }

    /// <summary>The rows at the given places, in that order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public Dataset Select(IEnumerable<int> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (!IsOnDemand)
        {
            return new Dataset([.. indices.Select(index => this[index])], Source);
        }

        int[] places = [.. indices];
        int wrong = Array.FindIndex(places, place => place < 0 || place >= Count);
        return wrong < 0
            ? new Dataset(new SelectedRows(_rows, places), Source)
            : throw new ArgumentOutOfRangeException(nameof(indices), places[wrong], $"The data set '{Source}' has {Count} rows.");
    }

    /// <summary>Only the given columns, in that order.</summary>
    /// <exception cref="InvalidDataException">A row lacks one; the message names those it has.</exception>
    public Dataset SelectColumns(params string[] columns) => Map(row => row.Keep(columns, Source));

    /// <summary>The rows in random order: the one that datasets' <c>shuffle(seed=seed)</c> gives.</summary>
    /// <param name="seed">At least 0.</param>
    public Dataset Shuffle(long seed) => Select(new Pcg64(seed).Permutation(Count));

    /// <summary>The first rows; all of them when there are fewer.</summary>
    public Dataset Take(int count) => Select(Enumerable.Range(0, Math.Clamp(count, 0, Count)));

    /// <summary>All rows but the first ones.</summary>
    public Dataset Skip(int count)
    {
        int start = Math.Clamp(count, 0, Count);
        return Select(Enumerable.Range(start, Count - start));
    }

    /// <summary>One of equal parts of the rows, as datasets' <c>shard</c> gives it: contiguous; the first parts have one row more where the division leaves a rest.</summary>
    /// <param name="count">How many parts, at least 1.</param>
    /// <param name="index">Which one, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such part.</exception>
    public Dataset Shard(int count, int index)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, count);
        (int size, int rest) = Math.DivRem(Count, count);
        return Skip((size * index) + Math.Min(index, rest)).Take(size + (index < rest ? 1 : 0));
    }

    /// <summary>These rows, then those of other data sets.</summary>
    public Dataset Concat(params IReadOnlyList<Dataset> others)
    {
        ArgumentNullException.ThrowIfNull(others);
        Dataset[] all = [this, .. others];
        return new Dataset(all.Any(data => data.IsOnDemand) ? new ConcatenatedRows([.. all.Select(data => data._rows)]) : [.. all.SelectMany(data => data._rows)], Source);
    }

    /// <summary>Rows of several data sets in turn, as datasets' <c>interleave_datasets</c> orders them.</summary>
    /// <param name="parts">The data sets; none of them empty.</param>
    /// <param name="probabilities">How likely the next row is of each data set, with the sum 1; null: one of each in turn.</param>
    /// <param name="seed">Draws the data sets where there are probabilities; at least 0.</param>
    /// <param name="untilAllExhausted">Whether to go on until every row was taken once, starting short data sets anew; otherwise the first that is used up ends it.</param>
    /// <exception cref="ArgumentException">There is no data set, or the probabilities do not fit.</exception>
    /// <exception cref="InvalidDataException">A data set is empty.</exception>
    public static Dataset Interleave(IReadOnlyList<Dataset> parts, IReadOnlyList<double>? probabilities = null, long seed = 42, bool untilAllExhausted = false)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
        {
            throw new ArgumentException("There is nothing to interleave: give at least one data set.", nameof(parts));
        }

        int[] counts = [.. parts.Select(part => part.RequireRows().Count)];
        return parts[0].Concat([.. parts.Skip(1)]).Select(Interleaving.Order(counts, probabilities, seed, untilAllExhausted));
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
}
