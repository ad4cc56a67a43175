using TorchSharp;

namespace LoraSharp.Training.Logging;

/// <summary>Writes the log entries as TensorBoard scalars under the tags that transformers uses (<c>train/loss</c>, <c>eval/loss</c>).</summary>
internal sealed class TensorBoardLog
{
    private readonly TorchSharp.Modules.SummaryWriter _writer;

    public TensorBoardLog(string folder)
    {
        Directory.CreateDirectory(folder);
        _writer = torch.utils.tensorboard.SummaryWriter(folder);
    }

    public void Write(IReadOnlyDictionary<string, double> entry, int step)
    {
        foreach (var (key, value) in entry)
        {
            if (key != "step")
            {
                string tag = key.StartsWith("eval_", StringComparison.Ordinal) ? "eval/" + key["eval_".Length..] : "train/" + key;
                _writer.add_scalar(tag, (float)value, step);
            }
        }
    }
}
