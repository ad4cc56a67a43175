using System.Collections;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LoraSharp.Data;

/// <summary>
/// Prepared rows in a <see cref="CheckedFile"/>, read one by one when they are asked for. Little-endian 32-bit numbers: of each row its length, its tokens, its labels, the number
/// of its documents (0: not packed) and their lengths; then 64-bit numbers: where each row starts, how many rows were dropped, how many there are.
/// </summary>
internal sealed class TokenizedRowFile : IReadOnlyList<TokenizedRow>
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly long[] _starts;

    private TokenizedRowFile(string path, SafeFileHandle file, long length)
    {
        (_path, _file) = (path, file);
        Span<long> counts = stackalloc long[2];
        Read(length - (2 * sizeof(long)), counts);
        Dropped = (int)counts[0];
        _starts = new long[counts[1]];
        Read(length - ((2 + counts[1]) * sizeof(long)), _starts);
    }

    public int Count => _starts.Length;

    /// <summary>Rows that were left out.</summary>
    public int Dropped { get; }

    public TokenizedRow this[int index]
    {
        get
        {
            Span<int> one = stackalloc int[1];
            long position = _starts[index];
            Read(position, one);
            int length = one[0];
            int[] ids = new int[length], labels = new int[length];
            Read(position += sizeof(int), ids);
            Read(position += length * (long)sizeof(int), labels);
            Read(position += length * (long)sizeof(int), one);
            if (one[0] == 0)
            {
                return new TokenizedRow(ids, labels);
            }

            int[] documents = new int[one[0]];
            Read(position + sizeof(int), documents);
            return new TokenizedRow(ids, labels, documents);
        }
    }

    /// <summary>Opens a file; null where there is none, or it is damaged.</summary>
    public static TokenizedRowFile? Open(string path, CancellationToken cancellationToken) =>
        CheckedFile.Open(path, cancellationToken) is { } found ? new TokenizedRowFile(path, found.File, found.Length) : null;

    /// <summary>Writes rows as they come.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="dropped">Asked at the end: how many were left out.</param>
    public static void Write(string path, IEnumerable<TokenizedRow> rows, Func<int> dropped) => CheckedFile.Write(path, stream =>
    {
        using var buffered = new BufferedStream(stream, 1 << 20);
        var starts = new List<long>();
        long position = 0;
        foreach (TokenizedRow row in rows)
        {
            starts.Add(position);
            int[] documents = row.SequenceLengths ?? [];
            foreach (int[] numbers in new[] { [row.Length], row.InputIds, row.Labels, [documents.Length], documents })
            {
                Write(buffered, numbers);
                position += numbers.Length * (long)sizeof(int);
            }
        }

        starts.AddRange([dropped(), starts.Count]);
        Write(buffered, starts.ToArray());
        buffered.Flush();
    });

    public IEnumerator<TokenizedRow> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static void Write<T>(Stream stream, T[] numbers)
        where T : unmanaged
    {
        RequireLittleEndian();
        stream.Write(MemoryMarshal.AsBytes(numbers.AsSpan()));
    }

    private void Read<T>(long position, Span<T> numbers)
        where T : unmanaged
    {
        RequireLittleEndian();
        Span<byte> bytes = MemoryMarshal.AsBytes(numbers);
        while (bytes.Length > 0)
        {
            int read = RandomAccess.Read(_file, bytes, position);
            if (read == 0)
            {
                throw new InvalidDataException($"The cache file '{_path}' became shorter while it was in use. Delete it, and start again.");
            }

            bytes = bytes[read..];
            position += read;
        }
    }

    private static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Caches of prepared rows are for little-endian machines, as libtorch is.");
        }
    }
}
