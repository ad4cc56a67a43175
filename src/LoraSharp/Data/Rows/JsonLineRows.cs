using System.Buffers;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace LoraSharp.Data;

/// <summary>
/// The rows of a file of JSON lines, read one by one when they are asked for: 8 bytes of memory for each. Can be used from several threads. The file is open, and must not
/// change, as long as this lives.
/// </summary>
internal sealed class JsonLineRows : RowsOnDemand
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly long[] _starts;
    private readonly long _end;
    private DataRow? _like;

    /// <summary>Finds the lines.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="file">The file; it closes when nothing refers to the rows any more.</param>
    /// <param name="length">Where the lines end.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    public JsonLineRows(string path, SafeFileHandle file, long length, CancellationToken cancellationToken)
    {
        (_path, _file, _end) = (path, file, length);
        _starts = Lines(file, length, cancellationToken);
    }

    public override int Count => _starts.Length;

    public override DataRow this[int index]
    {
        get
        {
            long start = _starts[index];
            int length = checked((int)((index + 1 < _starts.Length ? _starts[index + 1] : _end) - start));
            byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
            try
            {
                Span<byte> line = buffer.AsSpan(0, length);
                return RandomAccess.Read(_file, line, start) == length
                    ? _like = JsonRows.Parse(Encoding.UTF8.GetString(line).AsMemory(), $"{_path}, row {index} (the first is 0)", _like)
                    : throw new InvalidDataException($"'{_path}' became shorter while its rows were in use.");
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    public static JsonLineRows Open(string path, CancellationToken cancellationToken)
    {
        SafeFileHandle file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        return new JsonLineRows(path, file, RandomAccess.GetLength(file), cancellationToken);
    }

    // Where each line that is not blank starts. What separates it from the next belongs to it: JSON does not mind.
    private static long[] Lines(SafeFileHandle file, long length, CancellationToken cancellationToken)
    {
        var starts = new List<long>();
        byte[] buffer = new byte[1 << 20];
        long lineStart = 0;
        bool blank = true;
        for (long position = 0; position < length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int read = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - position)), position);
            if (read == 0)
            {
                break;
            }

            ReadOnlySpan<byte> bytes = buffer.AsSpan(0, read);
            int at = position == 0 && bytes.StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
            lineStart = Math.Max(lineStart, position == 0 ? at : 0);
            while (at < read)
            {
                int newline = bytes[at..].IndexOf((byte)'\n');
                int stop = newline < 0 ? read : at + newline;
                if (blank && bytes[at..stop].ContainsAnyExcept(" \t\r"u8))
                {
                    blank = false;
                    starts.Add(lineStart);
                }

                at = stop + 1;
                if (newline >= 0)
                {
                    (lineStart, blank) = (position + at, true);
                }
            }

            position += read;
        }

        return [.. starts];
    }
}
