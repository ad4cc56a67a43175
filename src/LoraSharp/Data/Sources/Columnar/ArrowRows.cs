using Apache.Arrow;
using Apache.Arrow.Compression;
using Apache.Arrow.Ipc;

namespace LoraSharp.Data;

/// <summary>Rows of an Arrow file, one record batch in memory at a time: the stream form that Hugging Face's datasets writes, and the file form (Feather).</summary>
internal static class ArrowRows
{
    private const string Format = "Arrow";

    /// <summary>Memory that a part of a file may ask for: so much in any case, and so many bytes for each of the file.</summary>
    private const long SmallestLimit = 1 << 24;

    private const long LargestCompression = 256;

    private static ReadOnlySpan<byte> FileMagic => "ARROW1"u8;

    public static IEnumerable<DataRow> Read(string path, IReadOnlyList<string>? columns)
    {
        using FileStream file = File.OpenRead(path);
        using var stream = new GuardedStream(file);
        using ArrowStreamReader reader = Open(path, file, stream);
        Schema schema = ColumnFile.Try(path, Format, () => reader.Schema ?? throw new InvalidDataException("it is empty"));
        string[] names = ColumnFile.Choose(path, schema.FieldsList.Select(field => field.Name), columns);
        int[] places = [.. names.Select(name => schema.FieldsList.Select(field => field.Name).ToList().IndexOf(name))];
        using var nested = new NestedValue();
        long end = file.Position;
        while (ColumnFile.Try(path, Format, () => reader.ReadNextRecordBatch()) is { } batch)
        {
            end = file.Position;
            ArrowCell[] cells = ColumnFile.Try(path, Format, () => places.Select(place => ArrowCell.Create(batch.Column(place))).ToArray());
            for (int r = 0; r < batch.Length; r++)
            {
                yield return new DataRow(names, ColumnFile.Try(path, Format, () => Values(cells, r, nested)));
            }
        }

        if (reader is not ArrowFileReader)
        {
            RequireEnd(path, file, end);
        }
    }

    private static object?[] Values(ArrowCell[] cells, int row, NestedValue nested)
    {
        object?[] values = new object?[cells.Length];
        for (int i = 0; i < cells.Length; i++)
        {
            ArrowCell cell = cells[i];
            values[i] = cell.IsNull(row) ? null : cell.IsScalar ? cell.Value(row) : nested.Make(writer => cell.Write(writer, row));
        }

        return values;
    }

    private static ArrowStreamReader Open(string path, FileStream file, Stream stream) => ColumnFile.Try(path, Format, () =>
    {
        Span<byte> start = stackalloc byte[FileMagic.Length];
        int read = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        file.Position = 0;
        var allocator = new ManagedAllocator(SmallestLimit + (file.Length * LargestCompression));
        var codecs = new CompressionCodecFactory();
        return start[..read].SequenceEqual(FileMagic)
            ? new ArrowFileReader(stream, allocator, codecs, leaveOpen: true)
            : new ArrowStreamReader(stream, allocator, codecs, leaveOpen: true);
    });

    // A stream ends with eight bytes that say so, with four zeros (old files), or just so. A few bytes that are neither are the start of a message that was cut off.
    private static void RequireEnd(string path, FileStream file, long end)
    {
        byte[] rest = new byte[(int)Math.Min(8, file.Length - end)];
        file.Position = end;
        file.ReadExactly(rest);
        if (rest.Length is > 0 and < 4 || (rest.Length is > 4 and < 8) || (rest.Length == 4 && rest.Any(value => value != 0)))
        {
            throw new InvalidDataException($"'{path}' is not a whole {Format} file: it ends within a message.");
        }
    }
}
