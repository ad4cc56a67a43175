using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>The state of a run that checkpoints keep in trainer_state.json, in the form that the Python tools read.</summary>
internal sealed class TrainerState
{
    public const string FileName = "trainer_state.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    public int GlobalStep { get; set; }

    public double Epoch { get; set; }

    public int MaxSteps { get; set; }

    public double NumTrainEpochs { get; set; }

    public int LoggingSteps { get; set; }

    public int EvalSteps { get; set; }

    public int SaveSteps { get; set; }

    public int TrainBatchSize { get; set; }

    /// <summary>Log entries in order; the keys of each in the order in which they were made.</summary>
    public List<IReadOnlyDictionary<string, double>> LogHistory { get; } = [];

    public JsonObject ToJson()
    {
        var json = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["best_global_step"] = null,
            ["best_metric"] = null,
            ["best_model_checkpoint"] = null,
            ["epoch"] = Number(Epoch),
            ["eval_steps"] = EvalSteps,
            ["global_step"] = GlobalStep,
            ["is_hyper_param_search"] = false,
            ["is_local_process_zero"] = true,
            ["is_world_process_zero"] = true,
            ["log_history"] = new JsonArray([.. LogHistory.Select(Entry)]),
            ["logging_steps"] = LoggingSteps,
            ["max_steps"] = MaxSteps,
            ["num_input_tokens_seen"] = 0,
            ["num_train_epochs"] = (int)Math.Ceiling(NumTrainEpochs),
            ["save_steps"] = SaveSteps,
            ["stateful_callbacks"] = new JsonObject(),
            ["total_flos"] = Number(0),
            ["train_batch_size"] = TrainBatchSize,
            ["trial_name"] = null,
            ["trial_params"] = null,
        };
        return new JsonObject(json);
    }

    public string ToText() => ToJson().ToJsonString(Indented) + "\n";

    public static TrainerState Parse(string path)
    {
        try
        {
            JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            var state = new TrainerState
            {
                GlobalStep = json["global_step"]!.GetValue<int>(),
                Epoch = json["epoch"]!.GetValue<double>(),
                MaxSteps = json["max_steps"]?.GetValue<int>() ?? 0,
            };
            foreach (JsonNode? entry in json["log_history"]!.AsArray())
            {
                state.LogHistory.Add(entry!.AsObject().ToDictionary(p => p.Key, p => p.Value?.GetValue<double>() ?? double.NaN, StringComparer.Ordinal));
            }

            return state;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or FormatException or ArgumentException)
        {
            throw new TrainingException($"'{path}' is not a usable trainer state ({e.Message}). Resume from another checkpoint.", e);
        }
    }

    private static JsonNode Entry(IReadOnlyDictionary<string, double> entry) =>
        new JsonObject(entry.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create<string, JsonNode?>(p.Key, p.Key == "step" ? (int)p.Value : Number(p.Value))));

    // Python writes 1.0 where .NET writes 1; JSON has no NaN, so that becomes null.
    private static JsonNode? Number(double value) =>
        double.IsNaN(value) || double.IsInfinity(value) ? null :
        value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonNode.Parse(value.ToString("F1", System.Globalization.CultureInfo.InvariantCulture))! : JsonValue.Create(value);
}
