using LoraSharp.Files;

namespace LoraSharp.Models;

/// <summary>
/// Finds a model's tensors in a checkpoint, which may have been saved from the bare model (without the base prefix), and compares the two sets.
/// </summary>
internal sealed class CheckpointNames(Checkpoint checkpoint, string basePrefix)
{
    // Buffers that old versions saved and that every model computes itself.
    private static readonly string[] Ignored = ["rotary_emb.inv_freq", "masked_bias"];

    /// <summary>The checkpoint's name of a model's tensor, or null.</summary>
    public string? Find(string name)
    {
        if (checkpoint.Contains(name))
        {
            return name;
        }

        string bare = name.StartsWith(basePrefix + ".", StringComparison.Ordinal) ? name[(basePrefix.Length + 1)..] : name;
        return checkpoint.Contains(bare) ? bare : null;
    }

    /// <summary>Throws one exception that names every missing and unexpected tensor and every wrong shape.</summary>
    public void Verify(IReadOnlyDictionary<string, long[]> expected)
    {
        var missing = new List<string>();
        var wrong = new List<string>();
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, shape) in expected)
        {
            if (Find(name) is not { } found)
            {
                missing.Add(name);
                continue;
            }

            used.Add(found);
            IReadOnlyList<long> actual = checkpoint.Entry(found).Shape;
            if (!actual.SequenceEqual(shape))
            {
                wrong.Add($"{found} is [{string.Join(", ", actual)}] but the configuration asks for [{string.Join(", ", shape)}]");
            }
        }

        List<string> unexpected = [.. checkpoint.Names.Where(n => !used.Contains(n) && !Ignored.Any(i => n.EndsWith(i, StringComparison.Ordinal))).Order(StringComparer.Ordinal)];
        var parts = new List<string>();
        Report(parts, "missing", missing);
        Report(parts, "unexpected", unexpected);
        Report(parts, "of the wrong shape", wrong);
        if (parts.Count > 0)
        {
            throw new ModelFormatException(
                $"The weights in '{checkpoint.Folder}' do not fit its config.json. {string.Join(" ", parts)} Check that both files belong to the same model and are complete.");
        }
    }

    private static void Report(List<string> parts, string what, List<string> names)
    {
        const int Shown = 20;
        if (names.Count > 0)
        {
            string more = names.Count > Shown ? $", and {names.Count - Shown} more" : "";
            parts.Add($"{names.Count} {what}: {string.Join(", ", names.Take(Shown))}{more}.");
        }
    }
}
