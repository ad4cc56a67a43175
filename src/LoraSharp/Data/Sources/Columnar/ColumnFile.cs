namespace LoraSharp.Data;

/// <summary>What the readers of column files have in common.</summary>
internal static class ColumnFile
{
    /// <summary>Runs a part of the reading; whatever a library throws at a damaged file becomes an error that names the file.</summary>
    /// <exception cref="InvalidDataException">The part failed.</exception>
    public static T Try<T>(string path, string format, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (NotImplementedException exception)
        {
            throw new InvalidDataException(
                $"'{path}' uses a part of the {format} format that cannot be read (lists in data pages of version 2). Write it with data_page_version=\"1.0\".", exception);
        }
        catch (NotSupportedException exception)
        {
            throw new InvalidDataException($"'{path}' holds what cannot be read from a {format} file: {exception.Message.TrimEnd('.')}.", exception);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw new InvalidDataException($"'{path}' is not a whole {format} file: {exception.Message.TrimEnd('.')}.", exception);
        }
    }

    /// <summary>The wanted columns, or all.</summary>
    /// <exception cref="InvalidDataException">The file lacks one, or names one twice.</exception>
    public static string[] Choose(string path, IEnumerable<string> names, IReadOnlyList<string>? columns)
    {
        string[] all = [.. names];
        if (all.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new InvalidDataException($"'{path}' has two columns '{twice.Key}'.");
        }

        return columns?.Except(all).ToArray() is { Length: > 0 } missing
            ? throw new InvalidDataException($"'{path}' has no column {DataRow.Describe(missing)}; it has {DataRow.Describe(all)}.")
            : [.. columns ?? all];
    }
}
