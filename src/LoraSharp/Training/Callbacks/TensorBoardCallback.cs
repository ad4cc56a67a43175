using TorchSharp;

namespace LoraSharp.Training;

/// <summary>Writes the log entries as TensorBoard scalars under the tags that transformers uses (<c>train/loss</c>, <c>eval/loss</c>).</summary>
internal sealed class TensorBoardCallback : TrainerCallback
{
    private static readonly string[] Kinds = ["eval", "test"];
    private TorchSharp.Modules.SummaryWriter? _writer;

    public override void OnTrainBegin(TrainerContext context)
    {
        // A run has a file of its own.
        string folder = Path.Combine(context.Options.OutputDirectory, "runs");
        Directory.CreateDirectory(folder);
        _writer = torch.utils.tensorboard.SummaryWriter(folder);
    }

    public override void OnLog(TrainerContext context, IReadOnlyDictionary<string, double> logs)
    {
        foreach (var (key, value) in logs)
        {
            if (key != "step")
            {
                _writer?.add_scalar(Tag(key), (float)value, context.State.GlobalStep);
            }
        }
    }

    private static string Tag(string key)
    {
        string? kind = Array.Find(Kinds, kind => key.StartsWith(kind + "_", StringComparison.Ordinal));
        return kind is null ? "train/" + key : $"{kind}/{key[(kind.Length + 1)..]}";
    }
}
