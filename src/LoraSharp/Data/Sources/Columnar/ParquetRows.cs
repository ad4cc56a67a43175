using Parquet;
using Parquet.Schema;

namespace LoraSharp.Data;

/// <summary>Rows of a Parquet file, one row group in memory at a time; only the wanted columns are read.</summary>
internal static class ParquetRows
{
    private const string Format = "Parquet";

    private static readonly ParquetOptions Options = new() { UseDateOnlyTypeForDates = true };

    public static IEnumerable<DataRow> Read(string path, IReadOnlyList<string>? columns)
    {
        using var file = new GuardedStream(File.OpenRead(path));
        ParquetReader reader = ColumnFile.Try(path, Format, () => Wait(() => ParquetReader.CreateAsync(file, Options)));
        IReadOnlyList<Field> fields = ColumnFile.Try(path, Format, () => reader.Schema.Fields);
        string[] names = ColumnFile.Choose(path, fields.Select(field => field.Name), columns);
        ParquetNode[] nodes = ColumnFile.Try(path, Format, () => names.Select(name => ParquetNode.Create(fields.First(field => field.Name == name))).ToArray());
        using var nested = new NestedValue();
        for (int g = 0; g < reader.RowGroupCount; g++)
        {
            ParquetRowGroupReader group = reader.OpenRowGroupReader(g);
            ColumnFile.Try(path, Format, () => Wait(() => LoadAsync(group, nodes)));
            for (long r = 0; r < group.RowCount; r++)
            {
                object?[] values = ColumnFile.Try(path, Format, () => Values(nodes, nested));
                yield return new DataRow(names, values);
            }

            ColumnFile.Try(path, Format, () => RequireEnd(nodes));
        }
    }

    private static async Task<bool> LoadAsync(ParquetRowGroupReader group, ParquetNode[] nodes)
    {
        foreach (ParquetColumn column in nodes.SelectMany(node => node.Columns))
        {
            await column.LoadAsync(group, CancellationToken.None);
        }

        return true;
    }

    private static object?[] Values(ParquetNode[] nodes, NestedValue nested)
    {
        object?[] values = new object?[nodes.Length];
        for (int i = 0; i < nodes.Length; i++)
        {
            ParquetNode node = nodes[i];
            if (node.Columns[0].Repetition != 0 || node.Columns[0].Position >= node.Columns[0].Count)
            {
                throw new InvalidDataException($"the column '{node.Columns[0].Field.Path}' holds another number of rows than its row group");
            }

            values[i] = node.IsScalar ? node.Value() : nested.Make(node.Write) is { ValueKind: not System.Text.Json.JsonValueKind.Null } value ? value : null;
        }

        return values;
    }

    private static bool RequireEnd(ParquetNode[] nodes) => nodes.SelectMany(node => node.Columns).FirstOrDefault(column => column.Position != column.Count) is { } left
        ? throw new InvalidDataException($"the column '{left.Field.Path}' holds more than its row group")
        : true;

    // On a thread of the pool, so that a caller's synchronisation context cannot lock up with it.
    private static T Wait<T>(Func<Task<T>> work) => Task.Run(work).GetAwaiter().GetResult();
}
