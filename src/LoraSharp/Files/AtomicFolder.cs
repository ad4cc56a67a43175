namespace LoraSharp.Files;

/// <summary>
/// Builds a whole folder under a temporary name beside its target and then renames it, so that the target is either the old folder or the new one,
/// complete. Used for checkpoints, adapters and exports.
/// </summary>
/// <remarks>
/// Replacing a folder takes more than one rename. The first gives the finished folder a name that says what is left to do; a process that dies
/// after it has saved, and <see cref="Recover"/> (which every reader and writer of this library calls first) does the rest.
/// </remarks>
public static class AtomicFolder
{
    private const string ReplaceSuffix = ".replace" + AtomicFile.TemporarySuffix;
    private const string MergeSuffix = ".merge" + AtomicFile.TemporarySuffix;
    private const string OldSuffix = ".old" + AtomicFile.TemporarySuffix;

    /// <summary>Creates or replaces a folder.</summary>
    /// <param name="path">The final folder.</param>
    /// <param name="fill">Fills the temporary folder whose path it is given; when it throws, the old folder stays as it was.</param>
    /// <param name="keepOthers">Whether what else the folder holds stays, and only files of the same names are replaced; else the whole folder is.</param>
    /// <exception cref="IOException">The path is a file, or the disk is full; nothing has changed then.</exception>
    public static void Write(string path, Action<string> fill, bool keepOthers = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(fill);
        string full = Full(path);
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

        if (!Directory.Exists(full))
        {
            Directory.Move(temporary, full);
            return;
        }

        Directory.Move(temporary, full + (keepOthers && HoldsOthers(full, temporary) ? MergeSuffix : ReplaceSuffix));
        Recover(full);
    }

    /// <summary>Completes a <see cref="Write"/> that was interrupted after the new folder was finished; else does nothing.</summary>
    public static void Recover(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Full(path), merge = full + MergeSuffix, replace = full + ReplaceSuffix, old = full + OldSuffix;
        if (Directory.Exists(merge))
        {
            MoveFiles(merge, full);
        }

        if (Directory.Exists(replace))
        {
            if (Directory.Exists(full))
            {
                Delete(old);
                Directory.Move(full, old);
            }

            Directory.Move(replace, full);
        }

        Delete(old);
    }

    private static string Full(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    private static bool HoldsOthers(string folder, string replacement) =>
        Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Any(entry => !Path.Exists(Path.Combine(replacement, Path.GetRelativePath(folder, entry))));

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
