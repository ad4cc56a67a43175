namespace LoraSharp.Data;

/// <summary>
/// A file that may be read a few times over, but not for ever: a damaged file whose page headers point back at each other would otherwise keep a reader busy without end.
/// </summary>
internal sealed class GuardedStream(FileStream file) : Stream
{
    /// <summary>How often the whole file may be read; a reader that jumps between headers and pages stays well below.</summary>
    private const int Times = 8;

    private const int Slack = 1 << 20;

    private long _left = (file.Length * Times) + Slack;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => file.Length;

    public override long Position
    {
        get => file.Position;
        set => file.Position = value;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int read = file.Read(buffer);

        // Reading nothing costs as well, so that a loop that gets nowhere ends too.
        _left -= read + 1;
        return _left >= 0 ? read : throw new InvalidDataException("its parts point at each other in a circle");
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(buffer.Span));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }
}
