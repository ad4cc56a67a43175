namespace LoraSharp.Files;

/// <summary>
/// Writes a file so that a reader, and a machine that stops at any moment, sees either the old content or the new one: the new content goes to a
/// temporary name in the same folder, is flushed to the disk, and is then renamed.
/// </summary>
public static class AtomicFile
{
    /// <summary>Marks unfinished files and folders; whatever carries it was left behind by an interrupted save and can be deleted.</summary>
    public const string TemporarySuffix = ".lorasharp-tmp";

    /// <summary>Writes through a callback; when that throws, the old file stays and the temporary one is deleted.</summary>
    /// <param name="path">The final path; its folder is created.</param>
    /// <param name="write">Writes the content.</param>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        string temporary = full + TemporarySuffix;
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes text as UTF-8 without a byte-order mark.</summary>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
