using System.Diagnostics;
using LoraSharp;
using LoraSharp.Training;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

namespace Quickstart;

/// <summary>The whole job, step by step: each step says what it does and shows what came out.</summary>
internal sealed class Lecture(QuickstartOptions options, CancellationToken cancellation)
{
    private const string DefaultQuestion = "I have had a cough and a sore throat since Monday. What should I do?";

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly string _question = options.Question ?? DefaultQuestion;
    private readonly string _adapterFolder = Path.Combine(options.Output, "adapter");
    private readonly string _exportFolder = Path.Combine(options.Output, "merged");

    public void Run()
    {
        if (options.IsEmbedded)
        {
            // So small a model gains nothing from a second thread, and loses much when the machine is busy.
            set_num_threads(1);
        }

        // The size is used last; a slip in it must not cost a training run.
        LoraSharp.Files.ByteSize.Parse(options.MaxShardSize);
        var prompts = new PromptFormat(options.IsEmbedded);
        Tokenizer tokenizer = Tokenizer.Load(options.ModelFolder);

        string before, after;
        using (CausalLM model = LoadQuantized())
        {
            Title("2. What does the model answer before training?");
            before = Ask(model, tokenizer, prompts);

            Title("3. Prepare the data");
            Dataset data = PrepareData(prompts);

            Title("4. Add a LoRA adapter");
            model.AddLora(new LoraConfig { R = options.R, Alpha = options.Alpha, Dropout = options.Dropout, TargetModules = options.Targets, TaskType = "CAUSAL_LM" });
            AnsiConsole.MarkupLineInterpolated($"{model.TrainableParameters()}");

            Title("5. Train");
            Train(model, tokenizer, data);
        }

        Title("6. Reload base and adapter from disk, and ask again");
        using (CausalLM model = CausalLM.LoadAdapter(_adapterFolder, Quantized(), options.ModelFolder))
        {
            after = Ask(model, tokenizer, prompts);
            Compare(before, after);
        }

        Title("7. Merge into the full-precision base and export");
        Export(tokenizer, prompts);
        AnsiConsole.MarkupLineInterpolated($"\n[green]Done in {_watch.Elapsed.TotalSeconds:F0} s.[/] Look at [bold]{options.Output}[/]: loss.png, runs/ (TensorBoard), adapter/, merged/.");
    }

    private LoadOptions Quantized() => new()
    {
        Dtype = ScalarType.Float32,
        Quantization = QuantizationConfig.Nf4(doubleQuant: true, computeType: options.ComputeType),
        CancellationToken = cancellation,
    };

    private CausalLM LoadQuantized()
    {
        Title("1. Load the model in NF4 with double quantisation");
        var watch = Stopwatch.StartNew();
        CausalLM model = CausalLM.Load(options.ModelFolder, Quantized());
        AnsiConsole.MarkupLineInterpolated(
            $"{options.ModelFolder}: {model.TrainableParameters().Total:N0} parameters in {model.MemoryFootprint() / 1e6:F1} MB (float32: {model.TrainableParameters().Total * 4 / 1e6:F1} MB), loaded in {watch.Elapsed.TotalSeconds:F1} s.");
        return model;
    }

    private Dataset PrepareData(PromptFormat prompts)
    {
        Dataset data = Dataset.Load(options.Data, columns: ["patient", "doctor"]).Shuffle(options.Seed);
        AnsiConsole.MarkupLineInterpolated($"{data.Count} rows. The first:");
        AnsiConsole.MarkupLineInterpolated($"  [blue]Patient:[/] {data[0]["patient"]}\n  [green]Doctor:[/]  {data[0]["doctor"]}");
        return data.Map(row => prompts.Row(row["patient"], row["doctor"]));
    }

    private void Train(CausalLM model, Tokenizer tokenizer, Dataset data)
    {
        TrainingResult result = TrainingDisplay.Show(progress =>
        {
            var trainer = new SftTrainer(model, tokenizer, data, new SftOptions
            {
                OutputDirectory = options.Output,
                Epochs = options.Epochs,
                MaxSteps = options.MaxSteps,
                BatchSize = options.BatchSize,
                LearningRate = options.LearningRate,
                Scheduler = SchedulerType.Cosine,
                WarmupSteps = 0.05,
                LoggingSteps = 1,
                SaveSteps = options.SaveSteps,
                Sampling = LoraSharp.Data.SamplingStrategy.GroupByLength,
                Seed = options.Seed,
                TensorBoard = true,
                Progress = progress,
            }, cancellationToken: cancellation);
            TrainingResult done = trainer.Train(options.Resume, cancellation);
            trainer.SaveModel(_adapterFolder);
            return done;
        });
        string plot = Path.Combine(options.Output, "loss.png");
        LossPlot.Save(result.LogHistory, plot);
        double first = result.LogHistory.First(e => e.ContainsKey("loss"))["loss"], last = result.LogHistory.Last(e => e.ContainsKey("loss"))["loss"];
        AnsiConsole.MarkupLineInterpolated($"{result.GlobalStep} steps; loss {first:F3} → {last:F3}. Plot: {plot}. Adapter: {_adapterFolder}");
    }

    private void Export(Tokenizer tokenizer, PromptFormat prompts)
    {
        Tensor adapted;
        string answer;
        using (CausalLM model = CausalLM.LoadAdapter(_adapterFolder, new LoadOptions { Dtype = ScalarType.Float32, CancellationToken = cancellation }, options.ModelFolder))
        {
            answer = Ask(model, tokenizer, prompts, "base + adapter, float32");
            adapted = Logits(model, tokenizer, prompts);
            model.MergeAndUnload().Save(_exportFolder, options.MaxShardSize);
            tokenizer.Save(_exportFolder);
        }

        string[] files = [.. Directory.EnumerateFiles(_exportFolder, "*.safetensors").Order(StringComparer.Ordinal)];
        AnsiConsole.MarkupLineInterpolated($"Exported {files.Length} file(s), {files.Sum(f => new FileInfo(f).Length) / 1e6:F1} MB in all, to {_exportFolder}.");
        using CausalLM merged = CausalLM.Load(_exportFolder);
        string again = Ask(merged, tokenizer, prompts, "merged export, reloaded");
        using Tensor logits = Logits(merged, tokenizer, prompts);
        using Tensor difference = (logits - adapted).abs().max();
        AnsiConsole.MarkupLineInterpolated($"Largest difference of the logits between adapter and export: {difference.item<float>():G3}");
        AnsiConsole.MarkupLine(again == answer ? "[green]The export answers exactly as base + adapter did.[/]" : "[red]The export's answer differs from that of base + adapter.[/]");
        adapted.Dispose();
    }

    private string Ask(CausalLM model, Tokenizer tokenizer, PromptFormat prompts, string? who = null)
    {
        string answer = model.Generate(tokenizer, prompts.Prompt(tokenizer, _question), new GenerationOptions { MaxNewTokens = options.MaxNewTokens }, cancellation).Trim();
        AnsiConsole.MarkupLineInterpolated($"[blue]Patient:[/] {_question}");
        AnsiConsole.MarkupLineInterpolated($"[green]{who ?? "Model"}:[/] {answer}");
        return answer;
    }

    private Tensor Logits(CausalLM model, Tokenizer tokenizer, PromptFormat prompts)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        long[] ids = [.. tokenizer.EncodeToIds(prompts.Prompt(tokenizer, _question)).Select(id => (long)id)];
        return model.Logits(tensor(ids).unsqueeze(0)).DetachFromDisposeScope();
    }

    private static void Compare(string before, string after)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Before training").AddColumn("After training");
        table.AddRow(new Text(before), new Text(after));
        AnsiConsole.Write(table);
    }

    private static void Title(string text) => AnsiConsole.Write(new Rule($"[bold]{Markup.Escape(text)}[/]").LeftJustified());
}
