using LoraSharp.Data;
using LoraSharp.Training;
using LoraSharp.Training.Losses;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training;

/// <summary>A task whose saves end as those on a full disk do: some files are there, the next cannot be written.</summary>
internal sealed class FailingSaveTask(TrainingTask inner, int goodSaves) : TrainingTask
{
    private int _saves;

    public override nn.Module Model => inner.Model;

    public override int Rows => inner.Rows;

    public override IReadOnlyList<int> Lengths => inner.Lengths;

    public override Batch Collate(IReadOnlyList<int> rows) => inner.Collate(rows);

    public override Tensor Loss(Batch batch, LossWeight weight, out TokenMetrics metrics) => inner.Loss(batch, weight, out metrics);

    public override void Load(string folder) => inner.Load(folder);

    public override void Save(string folder)
    {
        inner.Save(folder);
        if (++_saves > goodSaves)
        {
            throw new IOException("No space left on device");
        }
    }
}
