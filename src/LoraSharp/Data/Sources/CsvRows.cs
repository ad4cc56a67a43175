using CsvHelper;

namespace LoraSharp.Data;

/// <summary>Rows from a table with a header; every value is text.</summary>
internal static class CsvRows
{
    public static IEnumerable<DataRow> Read(TextSource source, char separator)
    {
        string path = source.Path;
        var options = new CsvReaderOptions
        {
            Separator = separator,
            TrackLineNumbers = true,

            // A stray quote is text, as everywhere; but a quote that is never closed would swallow the rest of the file.
            OnMalformedRecord = record =>
            {
                if (record.Reason == CsvMalformedReason.UnterminatedQuote)
                {
                    throw new InvalidDataException($"{path}: a quoted field that starts near record {record.RecordNumber} is never closed.");
                }
            },
        };
        using CsvReader csv = CsvReader.Create(source.OpenBytes(), options, leaveOpen: false);
        source.Try(() =>
        {
            csv.ReadHeader();
            return true;
        });
        string[] columns = [.. csv.Headers];
        if (columns.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new InvalidDataException($"{path}: the header names the column '{twice.Key}' twice.");
        }

        while (source.Try(csv.Read))
        {
            if (csv.FieldCount != columns.Length)
            {
                throw new InvalidDataException(
                    $"{path}, line {csv.LineNumber}: the row has {csv.FieldCount} fields, the header has {columns.Length} ({DataRow.Describe(columns)}). "
                    + "A field with separators or line breaks inside needs quotation marks.");
            }

            yield return new DataRow(columns, csv.Current.ToArray());
        }
    }
}
