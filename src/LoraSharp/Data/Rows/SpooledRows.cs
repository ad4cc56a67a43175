using Microsoft.Win32.SafeHandles;

namespace LoraSharp.Data;

/// <summary>Rows of any source in a file on the disk, instead of in memory.</summary>
internal static class SpooledRows
{
    private const int BufferSize = 1 << 16;

    /// <summary>Writes the rows into a temporary file that vanishes when nothing refers to them any more.</summary>
    /// <param name="rows">The rows; read once.</param>
    /// <param name="source">Where they come from, for messages.</param>
    /// <param name="folder">Where the file lies; null: the system's folder for temporary files.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public static JsonLineRows Spool(IEnumerable<DataRow> rows, string source, string? folder, CancellationToken cancellationToken)
    {
        string path = Path.Combine(folder ?? Path.GetTempPath(), $"lorasharp-{Guid.NewGuid():N}.rows");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, FileOptions.DeleteOnClose);
        try
        {
            long length;
            using (var writer = new BufferedStream(new HandleStream(file), BufferSize))
            {
                WriteTo(writer, rows, cancellationToken);
                writer.Flush();
                length = RandomAccess.GetLength(file);
            }

            return new JsonLineRows(source, file, length, cancellationToken);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public static void WriteTo(Stream stream, IEnumerable<DataRow> rows, CancellationToken cancellationToken)
    {
        using var writer = new RowWriter(stream);
        foreach (DataRow row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            writer.Write(row);
        }
    }

    /// <summary>Appends to a file without owning its handle.</summary>
    private sealed class HandleStream(SafeFileHandle file) : Stream
    {
        private long _position;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _position;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            RandomAccess.Write(file, buffer, _position);
            _position += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
