using System.CommandLine;
using LoraSharp;
using TorchSharp;

namespace Quickstart;

/// <summary>What the command line can change.</summary>
internal sealed record QuickstartOptions
{
    public string? Model { get; init; }

    public required string Data { get; init; }

    public required string Output { get; init; }

    public int R { get; init; }

    public double Alpha { get; init; }

    public double Dropout { get; init; }

    public TargetModules Targets { get; init; } = TargetModules.AllLinear;

    public double Epochs { get; init; }

    public int MaxSteps { get; init; }

    public int BatchSize { get; init; }

    public double LearningRate { get; init; }

    public int SaveSteps { get; init; }

    public int MaxNewTokens { get; init; }

    public string? Resume { get; init; }

    public string? Question { get; init; }

    public required string MaxShardSize { get; init; }

    public int Seed { get; init; }

    public torch.ScalarType ComputeType { get; init; }

    /// <summary>Whether the small model that comes with the sample is used.</summary>
    public bool IsEmbedded => Model is null;

    public string ModelFolder => Model ?? Path.Combine(AppContext.BaseDirectory, "model");

    /// <summary>Builds the command; defaults differ between the embedded model, which is trained fast, and a real one.</summary>
    public static RootCommand Command(Action<QuickstartOptions, CancellationToken> run)
    {
        var model = new Option<string?>("--model") { Description = "A Hugging Face model folder (Llama architecture). Default: the small model that comes with the sample." };
        var data = new Option<string>("--data") { Description = "JSONL, JSON or CSV with the columns 'patient' and 'doctor'.", DefaultValueFactory = _ => Path.Combine(AppContext.BaseDirectory, "data", "patient-doctor.jsonl") };
        var output = new Option<string>("--output") { Description = "Folder for checkpoints, plot, adapter and export.", DefaultValueFactory = _ => "results" };
        var r = new Option<int>("--r") { Description = "Rank of the LoRA update.", DefaultValueFactory = _ => 16 };
        var alpha = new Option<double>("--alpha") { Description = "Numerator of the LoRA scaling alpha/r.", DefaultValueFactory = _ => 32 };
        var dropout = new Option<double>("--dropout") { Description = "Dropout on the adapter's input.", DefaultValueFactory = _ => 0 };
        var targets = new Option<string>("--target-modules") { Description = "'all-linear', names separated by commas, or a regular expression.", DefaultValueFactory = _ => "all-linear" };
        var epochs = new Option<double?>("--epochs") { Description = "Passes over the data. Default: 4 (embedded model), 1 (real model)." };
        var steps = new Option<int?>("--max-steps") { Description = "Optimizer steps; wins over --epochs. Default: 60 for a real model." };
        var batch = new Option<int?>("--batch-size") { Description = "Rows per step. Default: 8 (embedded), 4 (real)." };
        var rate = new Option<double?>("--learning-rate") { Description = "Peak learning rate. Default: 2e-3 (embedded), 5e-4 (real)." };
        var save = new Option<int>("--save-steps") { Description = "Steps between checkpoints.", DefaultValueFactory = _ => 30 };
        var tokens = new Option<int>("--max-new-tokens") { Description = "Length of the answers.", DefaultValueFactory = _ => 80 };
        var resume = new Option<string?>("--resume") { Description = "A checkpoint folder to go on from." };
        var question = new Option<string?>("--question") { Description = "A patient's question to answer before and after." };
        var shard = new Option<string?>("--max-shard-size") { Description = "Largest file of the export. Default: 1MB (embedded), 200MB (real)." };
        var seed = new Option<int>("--seed") { Description = "Fixes everything random.", DefaultValueFactory = _ => 1 };
        var compute = new Option<string>("--compute-type") { Description = "Type of the matrix products: float32 or bfloat16.", DefaultValueFactory = _ => "float32" };
        compute.AcceptOnlyFromAmong("float32", "bfloat16");
        var command = new RootCommand("LoraSharp quick start: QLoRA from checkpoint to merged export.")
        {
            model, data, output, r, alpha, dropout, targets, epochs, steps, batch, rate, save, tokens, resume, question, shard, seed, compute,
        };
        command.SetAction((parsed, cancellation) =>
        {
            bool embedded = parsed.GetValue(model) is null;
            string target = parsed.GetValue(targets)!;
            run(
                new QuickstartOptions
                {
                    Model = parsed.GetValue(model),
                    Data = parsed.GetValue(data)!,
                    Output = parsed.GetValue(output)!,
                    R = parsed.GetValue(r),
                    Alpha = parsed.GetValue(alpha),
                    Dropout = parsed.GetValue(dropout),
                    Targets = target.Contains(',', StringComparison.Ordinal) || target.All(c => char.IsLetterOrDigit(c) || c == '_') ? target.Split(',') : TargetModules.FromString(target),
                    Epochs = parsed.GetValue(epochs) ?? (embedded ? 4 : 1),
                    MaxSteps = parsed.GetValue(steps) ?? (embedded || parsed.GetValue(epochs) is not null ? -1 : 60),
                    BatchSize = parsed.GetValue(batch) ?? (embedded ? 8 : 4),
                    LearningRate = parsed.GetValue(rate) ?? (embedded ? 2e-3 : 5e-4),
                    SaveSteps = parsed.GetValue(save),
                    MaxNewTokens = parsed.GetValue(tokens),
                    Resume = parsed.GetValue(resume),
                    Question = parsed.GetValue(question),
                    MaxShardSize = parsed.GetValue(shard) ?? (embedded ? "1MB" : "200MB"),
                    Seed = parsed.GetValue(seed),
                    ComputeType = parsed.GetValue(compute) == "bfloat16" ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32,
                },
                cancellation);
            return Task.FromResult(0);
        });
        return command;
    }
}
