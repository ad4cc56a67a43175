using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraSharp.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training.Checkpoints;

/// <summary>
/// A checkpoint folder (<c>checkpoint-N</c>): what was trained, the optimizer's and the schedule's state, the random generator's, and the run's. Written whole or not at all.
/// </summary>
internal static class TrainingCheckpoint
{
    private const string Prefix = "checkpoint-";
    private const string OptimizerFile = "optimizer.safetensors";
    private const string ScheduleFile = "scheduler.json";
    private const string RandomFile = "rng_state.safetensors";
    private const string RandomTensor = "cpu";

    public static string FolderOf(string outputDirectory, int step) => Path.Combine(outputDirectory, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step}"));

    public static void Save(string folder, TrainingTask task, IOptimizer optimizer, LearningRateSchedule schedule, TrainerState state) =>
        AtomicFolder.Write(folder, temporary =>
        {
            task.Save(temporary);
            SafeTensorsWriter.Write(Path.Combine(temporary, OptimizerFile), optimizer.StateTensors());
            AtomicFile.WriteText(Path.Combine(temporary, ScheduleFile), schedule.SaveState().ToJsonString());
            using Tensor random = get_rng_state();
            SafeTensorsWriter.Write(Path.Combine(temporary, RandomFile), new Dictionary<string, Tensor> { [RandomTensor] = random });
            AtomicFile.WriteText(Path.Combine(temporary, TrainerState.FileName), state.ToText());
        }, keepOthers: false);

    /// <summary>Puts everything back and returns the run's state. What was trained is changed last, when everything else has been found to fit.</summary>
    public static TrainerState Load(string folder, TrainingTask task, IOptimizer optimizer, LearningRateSchedule schedule)
    {
        foreach (string file in (string[])[OptimizerFile, ScheduleFile, RandomFile, TrainerState.FileName])
        {
            if (!File.Exists(Path.Combine(folder, file)))
            {
                throw new TrainingException($"'{folder}' holds no {file}, so it is not a checkpoint of a run. Resume from a folder named {Prefix}N.");
            }
        }

        TrainerState state = TrainerState.Parse(Path.Combine(folder, TrainerState.FileName));
        using var scope = NewDisposeScope();
        Tensor random = Random(folder);
        try
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, OptimizerFile));
            optimizer.LoadState(file.Tensors.ToDictionary(t => t.Name, t => file.Load(t.Name), StringComparer.Ordinal));
            schedule.LoadState(Schedule(folder));
        }
        catch (InvalidDataException e)
        {
            throw new TrainingException($"The checkpoint '{folder}' does not fit this run: {e.Message}", e);
        }

        task.Load(folder);
        set_rng_state(random);
        return state;
    }

    private static JsonObject Schedule(string folder)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ScheduleFile))) as JsonObject ?? throw new JsonException("It is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new TrainingException($"'{ScheduleFile}' in '{folder}' is damaged ({e.Message}). Resume from another checkpoint.", e);
        }
    }

    private static Tensor Random(string folder)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, RandomFile));
        using Tensor now = get_rng_state();
        return file.Contains(RandomTensor) && file.Entry(RandomTensor) is { Dtype: "U8" } entry && entry.Shape.SequenceEqual(now.shape)
            ? file.Load(RandomTensor)
            : throw new TrainingException($"'{RandomFile}' in '{folder}' does not hold the state of a random generator. Resume from another checkpoint.");
    }

    /// <summary>The checkpoint that a path means: the folder itself, or the latest one below an output directory.</summary>
    public static string Resolve(string path)
    {
        AtomicFolder.Recover(path);
        if (File.Exists(Path.Combine(path, TrainerState.FileName)))
        {
            return path;
        }

        return Below(path).LastOrDefault()
            ?? throw new TrainingException($"There is no checkpoint to resume from in '{path}'. Give a folder named {Prefix}N, or one that holds such folders.");
    }

    /// <summary>Removes the oldest checkpoints until no more than <paramref name="limit"/> are left.</summary>
    public static void Rotate(string outputDirectory, int limit)
    {
        foreach (string folder in Below(outputDirectory).SkipLast(limit).ToArray())
        {
            // Renamed first: a half-deleted folder must not look like a checkpoint.
            string doomed = folder + AtomicFile.TemporarySuffix;
            Directory.Move(folder, doomed);
            Directory.Delete(doomed, recursive: true);
        }
    }

    /// <summary>Complete checkpoints by step.</summary>
    private static IEnumerable<string> Below(string outputDirectory)
    {
        if (!Directory.Exists(outputDirectory))
        {
            return [];
        }

        foreach (string left in Directory.EnumerateDirectories(outputDirectory, Prefix + "*" + AtomicFile.TemporarySuffix).ToArray())
        {
            // A save may have been interrupted when only renames were left to do.
            AtomicFolder.Recover(left[..left.IndexOf('.', Path.GetDirectoryName(left)!.Length)]);
        }

        return Directory.EnumerateDirectories(outputDirectory, Prefix + "*")
            .Select(folder => (folder, step: int.TryParse(Path.GetFileName(folder)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : -1))
            .Where(item => item.step >= 0 && File.Exists(Path.Combine(item.folder, TrainerState.FileName)))
            .OrderBy(item => item.step)
            .Select(item => item.folder);
    }
}
