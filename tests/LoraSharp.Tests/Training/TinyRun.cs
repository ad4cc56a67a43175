using LoraSharp.CrashHost;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;

namespace LoraSharp.Tests.Training;

/// <summary>Runs of a tiny model, each from the same start, in a folder of their own: ten batches of two rows make an epoch.</summary>
internal sealed class TinyRun : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CausalLM _model;

    public TinyRun(double dropout = 0, string model = "llama-tiny", TargetModules? targets = null)
    {
        ModelFolder = GoldenFolder.ModelFolder(model)!;
        if (targets is null)
        {
            _model = TinyTraining.Model(ModelFolder, dropout: dropout);
        }
        else
        {
            _model = CausalLM.Load(ModelFolder);
            TorchSharp.torch.manual_seed(7);
            _model.AddLora(r: 4, alpha: 8, dropout: dropout, targetModules: targets);
        }

        Options = TinyTraining.Options(_folder.At("run"), 4) with { SaveStrategy = StepStrategy.No, LoggingSteps = 1 };
    }

    public string ModelFolder { get; }

    /// <summary>Four steps, each logged, nothing saved.</summary>
    public SftOptions Options { get; set; }

    public string Output => Options.OutputDirectory;

    public CausalLM Model => _model;

    public SftTrainer Trainer(Dataset? eval = null) => new(_model, Tokenizer.Load(ModelFolder), TinyTraining.Rows(), Options, eval);

    public TrainingResult Train(string? resumeFrom = null, Dataset? eval = null) => Trainer(eval).Train(resumeFrom);

    /// <summary>The adapter as bytes.</summary>
    public byte[] Adapter()
    {
        _model.SaveAdapter(_folder.At("adapter"));
        return File.ReadAllBytes(_folder.At("adapter", "adapter_model.safetensors"));
    }

    public string[] Checkpoints() => Directory.Exists(Output)
        ? [.. Directory.EnumerateDirectories(Output, "checkpoint-*").Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)]
        : [];

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }
}
