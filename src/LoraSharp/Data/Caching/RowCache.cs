using Microsoft.Win32.SafeHandles;

namespace LoraSharp.Data;

/// <summary>Converted rows that are kept in a folder.</summary>
internal static class RowCache
{
    /// <summary>The rows of an earlier call with the same source rows and key, or those that are made now.</summary>
    public static JsonLineRows GetOrAdd(
        string folder, string key, IReadOnlyList<DataRow> source, Func<IEnumerable<DataRow>> make, CancellationToken cancellationToken)
    {
        using var fingerprint = new Fingerprint("rows");
        string path = Path.Combine(folder, $"rows-{fingerprint.Add(key).Add(source, cancellationToken).Name()}.cache");
        if (CheckedFile.Open(path, cancellationToken) is { } found)
        {
            return Rows(found);
        }

        CheckedFile.Write(path, stream => SpooledRows.WriteTo(stream, make(), cancellationToken));
        return Rows(CheckedFile.Open(path, cancellationToken)
            ?? throw new IOException($"The cache file '{path}' cannot be read after it was written: something else changed it, or the disk fails."));

        JsonLineRows Rows((SafeFileHandle File, long Length) file) => new(path, file.File, file.Length, cancellationToken);
    }
}
