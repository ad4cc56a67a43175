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

    private static readonly JsonWriterOptions Indented = new() { Indented = true, IndentSize = 2 };

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

    /// <summary>Writes the file's content. Entry by entry: a long run's log is never held as one text.</summary>
    internal void Write(Stream stream)
    {
        using (var json = new Utf8JsonWriter(stream, Indented))
        {
            json.WriteStartObject();
            Number(json, "best_global_step", BestGlobalStep);
            Real(json, "best_metric", BestMetric);
            json.WriteString("best_model_checkpoint", BestModelCheckpoint);
            Real(json, "epoch", Epoch);
            Number(json, "eval_steps", EvalSteps);
            Number(json, "global_step", GlobalStep);
            json.WriteBoolean("is_hyper_param_search", false);
            json.WriteBoolean("is_local_process_zero", true);
            json.WriteBoolean("is_world_process_zero", true);
            json.WriteStartArray("log_history");
            foreach (IReadOnlyDictionary<string, double> entry in _log)
            {
                Write(json, entry);
            }

            json.WriteEndArray();
            Number(json, "logging_steps", LoggingSteps);
            Number(json, "max_steps", MaxSteps);
            Number(json, "num_input_tokens_seen", 0);
            Number(json, "num_train_epochs", (int)Math.Ceiling(NumTrainEpochs));
            Number(json, "save_steps", SaveSteps);
            json.WritePropertyName("stateful_callbacks");
            StatefulCallbacks.WriteTo(json);
            Real(json, "total_flos", 0);
            Number(json, "train_batch_size", TrainBatchSize);
            json.WriteNull("trial_name");
            json.WriteNull("trial_params");
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }

    private static void Write(Utf8JsonWriter json, IReadOnlyDictionary<string, double> entry)
    {
        json.WriteStartObject();
        foreach (var (key, value) in entry.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            if (key == "step")
            {
                Number(json, key, (int)value);
            }
            else
            {
                Real(json, key, value);
            }
        }

        json.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    // Python writes 1.0 where .NET writes 1; JSON has no NaN, so that becomes null.
    private static void Real(Utf8JsonWriter json, string name, double? value)
    {
        if (value is not { } number || !double.IsFinite(number))
        {
            json.WriteNull(name);
        }
        else if (number == Math.Floor(number) && Math.Abs(number) < 1e15)
        {
            json.WritePropertyName(name);
            json.WriteRawValue(number.ToString("F1", CultureInfo.InvariantCulture));
        }
        else
        {
            json.WriteNumber(name, number);
        }
    }
}
