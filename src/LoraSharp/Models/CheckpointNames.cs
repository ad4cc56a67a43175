using LoraSharp.Files;
using LoraSharp.Layers;

namespace LoraSharp.Models;

/// <summary>When a task's head may be new although the model is not.</summary>
internal enum NewHead
{
    /// <summary>Its tensors have to be there.</summary>
    Never,

    /// <summary>The model has none; those of files are left alone.</summary>
    None,

    /// <summary>The file was saved from the bare model or for another task.</summary>
    OtherTask,

    /// <summary>Fine-tuning a base model for a task starts so.</summary>
    Always,
}

/// <summary>Finds a model's tensors in a checkpoint and compares the two sets.</summary>
internal sealed class CheckpointNames(Checkpoint checkpoint, CheckpointLayout layout, PackedTensors? packed = null)
{
    /// <summary>The checkpoint's name of a model's tensor, or null.</summary>
    public string? Find(string name) => layout.Candidates(name).FirstOrDefault(checkpoint.Contains);

    /// <summary>Whether a matrix lies transposed in the file.</summary>
    public bool IsTransposed(string name) => layout.IsTransposed(name);

    /// <summary>Throws one exception that names every missing and unexpected tensor and every wrong shape.</summary>
    /// <param name="expected">What the model asked for.</param>
    /// <param name="allowed">Whether the task's head may be new.</param>
    /// <returns>Names of the tensors that are new: none, or a whole head.</returns>
    public IReadOnlyList<string> Verify(IReadOnlyList<WeightRequest> expected, NewHead allowed)
    {
        var missing = new List<WeightRequest>();
        var wrong = new List<string>();
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (WeightRequest request in expected)
        {
            if (Find(request.Name) is not { } found)
            {
                missing.Add(request);
                continue;
            }

            // A tensor may lie in a file twice, under its name and an alias.
            used.UnionWith(layout.Candidates(request.Name));
            if (request.IsMatrix && packed?.Contains(found) == true)
            {
                used.UnionWith(packed.Companions(found));
                if (packed.Fault(found, request.Shape) is { } fault)
                {
                    wrong.Add(fault);
                }

                continue;
            }

            IReadOnlyList<long> actual = checkpoint.Entry(found).Shape;
            long[] shape = IsTransposed(request.Name) ? [.. request.Shape.Reverse()] : request.Shape;
            if (!actual.SequenceEqual(shape))
            {
                wrong.Add($"{found} is [{string.Join(", ", actual)}] but the configuration asks for [{string.Join(", ", shape)}]");
            }
        }

        List<string> unexpected = [.. checkpoint.Names.Where(name => !used.Contains(name) && !layout.IsIgnored(name)).Order(StringComparer.Ordinal)];
        bool newHead = IsNewHead(missing, unexpected, allowed);
        if (newHead || allowed == NewHead.None)
        {
            unexpected.RemoveAll(layout.IsHead);
        }

        var parts = new List<string>();
        Report(parts, "missing", newHead ? [] : [.. missing.Select(request => request.Name)]);
        Report(parts, "unexpected", unexpected);
        Report(parts, "of the wrong shape or content", wrong);
        return parts.Count == 0
            ? [.. missing.Select(request => request.Name)]
            : throw new ModelFormatException(
                $"The weights in '{checkpoint.Folder}' do not fit its config.json. {string.Join(" ", parts)} Check that both files belong to the same model and are complete.");
    }

    // The file holds the whole base model, and of each layer of the head either all tensors or none.
    private bool IsNewHead(List<WeightRequest> missing, List<string> unexpected, NewHead allowed)
    {
        if (missing.Count == 0 || allowed is NewHead.Never or NewHead.None || !missing.All(request => request.IsHead && !HasSibling(request.Name)))
        {
            return false;
        }

        return allowed == NewHead.Always || unexpected.Any(layout.IsHead) || IsBare;
    }

    // Saved from the base model: its name is on no tensor.
    private bool IsBare => layout.BasePrefix.Length > 0 && !checkpoint.Names.Any(name => name.StartsWith(layout.BasePrefix + ".", StringComparison.Ordinal));

    private bool HasSibling(string name)
    {
        string parent = name[..(name.LastIndexOf('.') + 1)];
        return parent.Length > 0 && checkpoint.Names.Any(other => other.StartsWith(parent, StringComparison.Ordinal) && !other.AsSpan(parent.Length).Contains('.'));
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
