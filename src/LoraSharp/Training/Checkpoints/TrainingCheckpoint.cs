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
    private const string ScalerFile = "scaler.json";
    private const string RandomFile = "rng_state.safetensors";
    private const string RandomTensor = "cpu";

    public static string FolderOf(string outputDirectory, int step) => Path.Combine(outputDirectory, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step}"));

    public static void Save(string folder, RunParts run, TrainerState state, bool onlyModel) =>
        AtomicFolder.Write(folder, temporary =>
        {
            run.Task.Save(temporary);
            if (!onlyModel)
            {
                SafeTensorsWriter.Write(Path.Combine(temporary, OptimizerFile), run.Optimizer.StateTensors());
                AtomicFile.WriteText(Path.Combine(temporary, ScheduleFile), run.Schedule.SaveState().ToJsonString());
                if (run.Scaler is { } scaler)
                {
                    AtomicFile.WriteText(Path.Combine(temporary, ScalerFile), scaler.SaveState().ToJsonString());
                }

                using Tensor random = get_rng_state();
                SafeTensorsWriter.Write(Path.Combine(temporary, RandomFile), new Dictionary<string, Tensor> { [RandomTensor] = random });
            }

            AtomicFile.Write(Path.Combine(temporary, TrainerState.FileName), state.Write);
        }, keepOthers: false);

    /// <summary>Puts everything back and returns the run's state. What was trained is changed last, when everything else has been found to fit.</summary>
    public static TrainerState Load(string folder, RunParts run)
    {
        RequireFiles(folder, run);
        TrainerState state = TrainerState.Load(Path.Combine(folder, TrainerState.FileName));
        using var scope = NewDisposeScope();
        Tensor random = Random(folder);
        try
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(folder, OptimizerFile));
            run.Optimizer.LoadState(file.Tensors.ToDictionary(t => t.Name, t => file.Load(t.Name), StringComparer.Ordinal));
            run.Schedule.LoadState(Json(folder, ScheduleFile));
            run.Scaler?.LoadState(Json(folder, ScalerFile));
        }
        catch (InvalidDataException e)
        {
            throw new TrainingException($"The checkpoint '{folder}' does not fit this run: {e.Message}", e);
        }

        run.Callbacks.LoadStates(state.StatefulCallbacks);
        run.Task.Load(folder);
        set_rng_state(random);
        return state;
    }

    private static void RequireFiles(string folder, RunParts run)
    {
        string[] files = [OptimizerFile, ScheduleFile, RandomFile];
        bool isState = File.Exists(Path.Combine(folder, TrainerState.FileName));
        if (isState && !files.Any(file => File.Exists(Path.Combine(folder, file))))
        {
            throw new TrainingException(
                $"'{folder}' holds what was trained but not the optimizer's state (SaveOnlyModel), so no run can go on from it. Resume from a full checkpoint, or load it and start a new run.");
        }

        foreach (string file in files.Append(TrainerState.FileName))
        {
            if (!File.Exists(Path.Combine(folder, file)))
            {
                throw new TrainingException($"'{folder}' holds no {file}, so it is not a checkpoint of a run. Resume from a folder named {Prefix}N.");
            }
        }

        if (run.Scaler is not null && !File.Exists(Path.Combine(folder, ScalerFile)))
        {
            throw new TrainingException($"'{folder}' holds no {ScalerFile}: its run was not one with Precision Float16. Resume with the run's own precision.");
        }
    }

    private static JsonObject Json(string folder, string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(Path.Combine(folder, file))) as JsonObject ?? throw new JsonException("It is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new TrainingException($"'{file}' in '{folder}' is damaged ({e.Message}). Resume from another checkpoint.", e);
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

    /// <summary>The checkpoint that a path means: the latest one below an output directory, or the folder itself.</summary>
    public static string Resolve(string path)
    {
        AtomicFolder.Recover(path);

        // A finished run's output directory holds its state as well, so the folders in it come first.
        return Below(path).LastOrDefault()
            ?? (File.Exists(Path.Combine(path, TrainerState.FileName)) ? path : null)
            ?? throw new TrainingException($"There is no checkpoint to resume from in '{path}'. Give a folder named {Prefix}N, or one that holds such folders.");
    }

    /// <summary>Removes the oldest checkpoints until no more than <paramref name="limit"/> are left. The latest one and the best one always stay.</summary>
    public static void Rotate(string outputDirectory, int limit, string latest, string? best)
    {
        // Higher steps than the latest are left over from an earlier run.
        string[] folders = [.. Below(outputDirectory).OrderBy(folder => StepOf(folder) <= StepOf(latest))];
        string[] needed = [.. folders.Where(folder => IsSame(folder, latest) || (best is not null && IsSame(folder, best)))];
        foreach (string folder in folders.Except(needed).SkipLast(Math.Max(0, limit - needed.Length)))
        {
            // Renamed first: a half-deleted folder must not look like a checkpoint.
            string doomed = folder + AtomicFile.TemporarySuffix;
            Directory.Move(folder, doomed);
            Directory.Delete(doomed, recursive: true);
        }
    }

    private static bool IsSame(string folder, string other) => Path.GetFullPath(folder) == Path.GetFullPath(other);

    private static int StepOf(string folder) => int.TryParse(Path.GetFileName(folder)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : -1;

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
            .Where(folder => StepOf(folder) >= 0 && File.Exists(Path.Combine(folder, TrainerState.FileName)))
            .OrderBy(StepOf);
    }
}
