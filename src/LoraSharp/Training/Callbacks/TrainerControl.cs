using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>What the trainer is to do next. Callbacks set these flags; the trainer acts on them after the events of a step's or an epoch's end.</summary>
public sealed class TrainerControl
{
    /// <summary>Ends the run after this step. Set back when training begins.</summary>
    public bool ShouldTrainingStop { get; set; }

    /// <summary>Ends the epoch after this step. Set back when the next epoch begins.</summary>
    public bool ShouldEpochStop { get; set; }

    /// <summary>Writes a checkpoint after this step. Set back when that is done, and when the next step begins.</summary>
    public bool ShouldSave { get; set; }

    /// <summary>Evaluates after this step. Set back when that is done, and when the next step begins.</summary>
    public bool ShouldEvaluate { get; set; }

    /// <summary>Logs after this step. Set back when that is done, and when the next step begins.</summary>
    public bool ShouldLog { get; set; }

    internal const string StateName = "TrainerControl";

    private const string EpochStopKey = "should_epoch_stop";

    internal JsonObject SaveState() => new()
    {
        ["args"] = new JsonObject
        {
            [EpochStopKey] = ShouldEpochStop,
            ["should_evaluate"] = ShouldEvaluate,
            ["should_log"] = ShouldLog,
            ["should_save"] = ShouldSave,
            ["should_training_stop"] = ShouldTrainingStop,
        },
        ["attributes"] = new JsonObject(),
    };

    /// <summary>Whether a saved control had ended its epoch.</summary>
    internal static bool HadEndedEpoch(JsonObject callbacks) => callbacks[StateName]?["args"]?[EpochStopKey] is JsonValue flag && flag.TryGetValue(out bool ended) && ended;
}
