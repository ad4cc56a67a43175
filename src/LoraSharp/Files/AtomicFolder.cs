namespace LoraSharp.Files;

/// <summary>
/// Builds a whole folder under a temporary name beside its target and then renames it, so that the target is either the old folder or the new one,
/// complete. Used for checkpoints, adapters and exports. A folder that also holds something else keeps that: its files are then replaced one by one.
/// </summary>
public static class AtomicFolder
{
    private const string OldSuffix = ".old" + AtomicFile.TemporarySuffix;

    /// <summary>Creates or replaces a folder.</summary>
    /// <param name="path">The final folder.</param>
    /// <param name="fill">Fills the temporary folder whose path it is given; when it throws, the old folder stays as it was.</param>
    public static void Write(string path, Action<string> fill)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(fill);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full))
        {
            throw new IOException($"'{full}' is a file; a folder is to be written there. Choose another output path.");
        }

        Recover(full);
        string temporary = full + AtomicFile.TemporarySuffix;
        Delete(temporary);
        Directory.CreateDirectory(temporary);
        try
        {
            fill(temporary);
        }
        catch
        {
            Delete(temporary);
            throw;
        }

        if (HoldsOthers(full, temporary))
        {
            MoveFiles(temporary, full);
            return;
        }

        string old = full + OldSuffix;
        if (Directory.Exists(full))
        {
            // Two renames; Recover puts the old folder back if the process dies between them.
            Directory.Move(full, old);
        }

        Directory.Move(temporary, full);
        Delete(old);
    }

    /// <summary>Undoes what an interrupted <see cref="Write"/> left: puts the old folder back when the new one never took its place.</summary>
    public static void Recover(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string old = full + OldSuffix;
        if (!Directory.Exists(old))
        {
            return;
        }

        if (Directory.Exists(full))
        {
            Delete(old);
        }
        else
        {
            Directory.Move(old, full);
        }
    }

    private static bool HoldsOthers(string folder, string replacement) =>
        Directory.Exists(folder)
        && Directory.EnumerateFileSystemEntries(folder).Any(entry => !Path.Exists(Path.Combine(replacement, Path.GetFileName(entry))));

    private static void MoveFiles(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string folder in Directory.EnumerateDirectories(from).ToArray())
        {
            MoveFiles(folder, Path.Combine(to, Path.GetFileName(folder)));
        }

        foreach (string file in Directory.EnumerateFiles(from).ToArray())
        {
            File.Move(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        }

        Delete(from);
    }

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
