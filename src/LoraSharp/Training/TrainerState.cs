using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>
/// Where a run stands, and its log: what checkpoints and, after training, the output directory keep in trainer_state.json, in the form that the Python tools read.
/// </summary>
public sealed class TrainerState
{
    /// <summary>The file's name.</summary>
    public const string FileName = "trainer_state.json";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    private readonly List<IReadOnlyDictionary<string, double>> _log = [];

    internal TrainerState()
    {
    }

    /// <summary>Optimizer steps done.</summary>
    public int GlobalStep { get; internal set; }

    /// <summary>Epochs done, with a fraction.</summary>
    public double Epoch { get; internal set; }

    /// <summary>Optimizer steps in all.</summary>
    public int MaxSteps { get; internal set; }

    /// <summary>The best value so far of the metric that decides, or null.</summary>
    public double? BestMetric { get; internal set; }

    /// <summary>The step of that value, or null.</summary>
    public int? BestGlobalStep { get; internal set; }

    /// <summary>The folder of the best checkpoint that was written, or null.</summary>
    public string? BestModelCheckpoint { get; internal set; }

    /// <summary>Log entries in order, each with the keys that transformers uses (<c>loss</c>, <c>grad_norm</c>, <c>learning_rate</c>, <c>eval_loss</c>, <c>epoch</c>, <c>step</c>, ...).</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, double>> LogHistory => _log;

    internal double NumTrainEpochs { get; set; }

    internal int LoggingSteps { get; set; }

    internal int EvalSteps { get; set; }

    internal int SaveSteps { get; set; }

    internal int TrainBatchSize { get; set; }

    internal JsonObject StatefulCallbacks { get; set; } = [];

    internal void Add(IReadOnlyDictionary<string, double> entry) => _log.Add(entry);

    /// <summary>Reads a trainer_state.json, of this library or of transformers.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="TrainingException">The file is not a trainer state.</exception>
    public static TrainerState Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            var state = new TrainerState
            {
                GlobalStep = json["global_step"]!.GetValue<int>(),
                Epoch = json["epoch"]?.GetValue<double>() ?? 0,
                MaxSteps = json["max_steps"]?.GetValue<int>() ?? 0,
                BestMetric = json["best_metric"]?.GetValue<double>(),
                BestGlobalStep = json["best_global_step"]?.GetValue<int>(),
                BestModelCheckpoint = json["best_model_checkpoint"]?.GetValue<string>(),
                StatefulCallbacks = json["stateful_callbacks"]?.DeepClone() as JsonObject ?? [],
            };
            if (state.GlobalStep < 0 || !(state.Epoch >= 0))
            {
                throw new FormatException($"The step is {state.GlobalStep} and the epoch {state.Epoch}.");
            }

            foreach (JsonNode? entry in json["log_history"]!.AsArray())
            {
                // Other tools log texts as well (and write null for what is not a number).
                state.Add(entry!.AsObject().Where(p => p.Value is null or JsonValue).Where(p => p.Value?.GetValueKind() is not (JsonValueKind.String or JsonValueKind.True or JsonValueKind.False))
                    .ToDictionary(p => p.Key, p => p.Value?.GetValue<double>() ?? double.NaN, StringComparer.Ordinal));
            }

            return state;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or FormatException or ArgumentException)
        {
            throw new TrainingException($"'{path}' is not a usable trainer state ({e.Message}). Resume from another checkpoint.", e);
        }
    }

    internal string ToText() => ToJson().ToJsonString(Indented) + "\n";

    private JsonObject ToJson()
    {
        var json = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["best_global_step"] = BestGlobalStep,
            ["best_metric"] = BestMetric is { } best ? Number(best) : null,
            ["best_model_checkpoint"] = BestModelCheckpoint,
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
            ["stateful_callbacks"] = StatefulCallbacks.DeepClone(),
            ["total_flos"] = Number(0),
            ["train_batch_size"] = TrainBatchSize,
            ["trial_name"] = null,
            ["trial_params"] = null,
        };
        return new JsonObject(json);
    }

    private static JsonNode Entry(IReadOnlyDictionary<string, double> entry) =>
        new JsonObject(entry.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create<string, JsonNode?>(p.Key, p.Key == "step" ? (int)p.Value : Number(p.Value))));

    // Python writes 1.0 where .NET writes 1; JSON has no NaN, so that becomes null.
    private static JsonNode? Number(double value) =>
        double.IsNaN(value) || double.IsInfinity(value) ? null :
        value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonNode.Parse(value.ToString("F1", CultureInfo.InvariantCulture))! : JsonValue.Create(value);
}
