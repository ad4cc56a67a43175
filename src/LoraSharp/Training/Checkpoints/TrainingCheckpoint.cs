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
        });

    /// <summary>Puts everything back and returns the run's state.</summary>
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
        task.Load(folder);
        using (var scope = NewDisposeScope())
        using (SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, OptimizerFile)))
        {
            optimizer.LoadState(file.Tensors.ToDictionary(t => t.Name, t => file.Load(t.Name), StringComparer.Ordinal));
        }

        schedule.LoadState(JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ScheduleFile)))?.AsObject()
            ?? throw new TrainingException($"'{ScheduleFile}' in '{folder}' is empty. Resume from another checkpoint."));
        using (SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, RandomFile)))
        using (Tensor random = file.Load(RandomTensor))
        {
            set_rng_state(random);
        }

        return state;
    }

    /// <summary>The checkpoint that a path means: the folder itself, or the latest one below an output directory.</summary>
    public static string Resolve(string path)
    {
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
            // What an interrupted save left: an old folder whose successor never took its place goes back.
            AtomicFolder.Recover(left[..left.IndexOf('.', Path.GetDirectoryName(left)!.Length)]);
        }

        return Directory.EnumerateDirectories(outputDirectory, Prefix + "*")
            .Select(folder => (folder, step: int.TryParse(Path.GetFileName(folder)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : -1))
            .Where(item => item.step >= 0 && File.Exists(Path.Combine(item.folder, TrainerState.FileName)))
            .OrderBy(item => item.step)
            .Select(item => item.folder);
    }
}
