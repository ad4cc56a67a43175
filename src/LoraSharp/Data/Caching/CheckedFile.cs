using System.Buffers.Binary;
using System.Security.Cryptography;
using LoraSharp.Files;
using Microsoft.Win32.SafeHandles;

namespace LoraSharp.Data;

/// <summary>A file that appears whole or not at all, and that says by itself whether it is what was written: a body, its length, and the SHA-256 of both.</summary>
internal static class CheckedFile
{
    private const int HashSize = SHA256.HashSizeInBytes;

    private const int TrailerSize = sizeof(long) + HashSize;

    /// <summary>Writes the body through a callback. Of several processes that write the same file, the last one to finish wins.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string own = $"{path}.{Guid.NewGuid():N}";
        AtomicFile.Write(own, stream => WriteBody(stream, write));
        File.Move(own, path, overwrite: true);
    }

    /// <summary>Opens a file for reading at any place; null where there is none, or it is not what was written.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Stops the check.</param>
    /// <returns>The file and the length of its body, which starts at 0.</returns>
    public static (SafeFileHandle File, long Length)? Open(string path, CancellationToken cancellationToken)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, options: FileOptions.RandomAccess);
            long length = RandomAccess.GetLength(file) - TrailerSize;
            if (length >= 0 && IsWhole(file, length, cancellationToken))
            {
                (SafeFileHandle, long) whole = (file, length);
                file = null;
                return whole;
            }

            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What cannot be read is made anew; a folder that cannot be written to is an error then.
            return null;
        }
        finally
        {
            file?.Dispose();
        }
    }

    private static void WriteBody(Stream stream, Action<Stream> write)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var body = new HashingStream(stream, hash);
        write(body);
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, body.Length);
        hash.AppendData(length);
        stream.Write(length);
        stream.Write(hash.GetHashAndReset());
    }

    private static bool IsWhole(SafeFileHandle file, long length, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        long position = 0, end = length + sizeof(long);
        while (position < end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int read = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - position)), position);
            if (read == 0)
            {
                return false;
            }

            hash.AppendData(buffer, 0, read);
            position += read;
        }

        Span<byte> trailer = stackalloc byte[TrailerSize];
        return RandomAccess.Read(file, trailer, length) == TrailerSize
            && BinaryPrimitives.ReadInt64LittleEndian(trailer) == length
            && trailer[sizeof(long)..].SequenceEqual(hash.GetHashAndReset());
    }

    /// <summary>Hashes what passes through.</summary>
    private sealed class HashingStream(Stream target, IncrementalHash hash) : Stream
    {
        private long _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position
        {
            get => _length;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.AppendData(buffer);
            target.Write(buffer);
            _length += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => target.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
