using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Data;
using LoraSharp.Training.Losses;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Next-token prediction on prepared rows.</summary>
internal sealed class SftTask(CausalLM model, IReadOnlyList<TokenizedRow> rows, IReadOnlyList<TokenizedRow>? evalRows, BatchCollator collator, double labelSmoothing, Tokenizer? tokenizer) : TrainingTask
{
    private int[]? _lengths;

    public override nn.Module Model => model;

    public override int Rows => rows.Count;

    public override int EvalRows => evalRows?.Count ?? 0;

    public override IReadOnlyList<int> Lengths => _lengths ??= [.. rows.Select(row => row.Length)];

    public override Batch Collate(IReadOnlyList<int> indices) => collator.Collate([.. indices.Select(i => rows[i])]);

    public override Batch CollateEval(IReadOnlyList<int> indices) => collator.Collate([.. indices.Select(i => evalRows![i])]);

    public override Tensor Loss(Batch batch, double divisor, out TokenMetrics metrics)
    {
        // Padding is on the right, where causal attention never looks and no label lies: no mask is needed, and attention runs its fastest path.
        using var scope = NewDisposeScope();
        Tensor hidden = model.HiddenStates(batch.InputIds, attentionMask: null, batch.PositionIds);
        return CausalLoss.Compute(model, hidden, batch.Labels, divisor, labelSmoothing, out metrics).MoveToOuterDisposeScope();
    }

    public override void Save(string folder)
    {
        if (model.AdapterNames() is [_, ..])
        {
            foreach (string adapter in AdapterSet.Of(model).Active)
            {
                AdapterFiles.Write(model, adapter, AdapterFolder(folder, adapter));
            }
        }
        else
        {
            model.Save(folder);
        }

        tokenizer?.Save(folder);
    }

    public override void Load(string folder)
    {
        if (model.AdapterNames() is [_, ..])
        {
            foreach (string adapter in AdapterSet.Of(model).Active)
            {
                AdapterFiles.LoadTensors(model, adapter, AdapterFolder(folder, adapter));
            }
        }
        else
        {
            model.LoadWeights(folder);
        }
    }

    private static string AdapterFolder(string folder, string adapter)
    {
        string target = adapter == ModuleAdapterExtensions.DefaultAdapter ? folder : Path.Combine(folder, adapter);
        Directory.CreateDirectory(target);
        return target;
    }
}
