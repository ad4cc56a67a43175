using System.Globalization;
using System.Runtime.InteropServices;
using LoraSharp.Files;

namespace LoraSharp.CrashHost;

/// <summary>A folder of several files that all hold the number of the step that wrote them. Needs no libtorch, so that the process starts fast.</summary>
public static class StepFolder
{
    private const string StateFile = "state.txt";
    private static readonly string[] WeightFiles = ["first.safetensors", "second.safetensors", Path.Combine("inner", "third.safetensors")];

    /// <summary>Replaces the folder by one of a step.</summary>
    public static void Write(string folder, int step, bool keepOthers) =>
        AtomicFolder.Write(folder, temporary =>
        {
            foreach (string file in WeightFiles)
            {
                TensorSource[] tensors = [.. Enumerable.Range(0, 4).Select(i => TensorSource.Raw($"t{i}", "I32", [1000 + i], stream => Fill(stream, step, 1000 + i)))];
                SafeTensorsWriter.Write(Path.Combine(temporary, file), tensors);
            }

            AtomicFile.WriteText(Path.Combine(temporary, StateFile), step.ToString(CultureInfo.InvariantCulture));
        }, keepOthers);

    /// <summary>The step that the whole folder holds; 0 where there is none yet.</summary>
    /// <exception cref="InvalidDataException">The folder is not of one step, whole.</exception>
    public static int Read(string folder)
    {
        AtomicFolder.Recover(folder);
        if (!Path.Exists(Path.Combine(folder, StateFile)))
        {
            return 0;
        }

        int step = int.Parse(File.ReadAllText(Path.Combine(folder, StateFile)), CultureInfo.InvariantCulture);
        foreach (string name in WeightFiles)
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, name));
            if (file.Tensors.Count != 4 || file.Tensors.Any(tensor => MemoryMarshal.Cast<byte, int>(file.Bytes(tensor.Name)).ContainsAnyExcept(step)))
            {
                throw new InvalidDataException($"'{name}' is not of step {step}.");
            }
        }

        return step;
    }

    private static void Fill(Stream stream, int step, int count)
    {
        var values = new int[count];
        Array.Fill(values, step);
        stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }
}
