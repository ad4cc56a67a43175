using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace LoraSharp.Tests.Golden;

/// <summary>
/// Finds the golden cases: the folder that LORASHARP_GOLDEN names, else the copy in tests/golden/*.zip, unpacked once below artifacts/golden.
/// </summary>
internal static class GoldenFolder
{
    private static readonly Lazy<string> LazyRoot = new(FindRoot);

    public static string RepositoryRoot { get; } = FindRepositoryRoot();

    /// <summary>The folder with a subfolder for each group, and <c>models/</c>.</summary>
    public static string Root => LazyRoot.Value;

    public static bool HasGroup(string group) => Directory.Exists(Path.Combine(Root, group));

    /// <summary>Names of the cases of a group, in ordinal order.</summary>
    public static IEnumerable<string> Cases(string group) =>
        HasGroup(group)
            ? Directory.EnumerateDirectories(Path.Combine(Root, group))
                .Where(folder => File.Exists(Path.Combine(folder, "case.json")))
                .Select(folder => Path.GetFileName(folder)!)
                .Order(StringComparer.Ordinal)
            : [];

    /// <summary>A model folder that a case names: <c>llama-tiny</c> below <c>models/</c>, or <c>models:smollm2</c> below the real models' root (null: not there).</summary>
    public static string? ModelFolder(string name)
    {
        string folder = name.StartsWith("models:", StringComparison.Ordinal)
            ? Path.Combine(RealModels.Root, name["models:".Length..])
            : Path.Combine(Root, "models", name);
        return Directory.Exists(folder) ? folder : null;
    }

    private static string FindRoot()
    {
        string? given = Environment.GetEnvironmentVariable("LORASHARP_GOLDEN");
        if (!string.IsNullOrEmpty(given))
        {
            return Directory.Exists(given)
                ? Path.GetFullPath(given)
                : throw new DirectoryNotFoundException($"LORASHARP_GOLDEN names '{given}', which is not a folder.");
        }

        string target = Path.Combine(RepositoryRoot, "artifacts", "golden");
        foreach (string archive in Directory.EnumerateFiles(Path.Combine(RepositoryRoot, "tests", "golden"), "*.zip"))
        {
            Unpack(archive, Path.Combine(target, Path.GetFileNameWithoutExtension(archive)));
        }

        return target;
    }

    private static void Unpack(string archive, string folder)
    {
        string stamp = folder + ".stamp";
        string wanted = $"{new FileInfo(archive).Length} {File.GetLastWriteTimeUtc(archive).Ticks}";
        if (File.Exists(stamp) && File.ReadAllText(stamp) == wanted)
        {
            return;
        }

        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.CreateDirectory(folder);
        ZipFile.ExtractToDirectory(archive, folder);
        File.WriteAllText(stamp, wanted);
    }

    private static string FindRepositoryRoot([CallerFilePath] string path = "")
    {
        // The path at compile time is right in a checkout; a deterministic build may map it, so the output folder serves as well.
        foreach (string? start in new[] { Path.GetDirectoryName(path), AppContext.BaseDirectory })
        {
            for (string? folder = start; folder is not null; folder = Path.GetDirectoryName(folder))
            {
                if (File.Exists(Path.Combine(folder, "LoraSharp.sln")))
                {
                    return folder;
                }
            }
        }

        throw new DirectoryNotFoundException("The repository root (the folder with LoraSharp.sln) was not found above the tests.");
    }
}
