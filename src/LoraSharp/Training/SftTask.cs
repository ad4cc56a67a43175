using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Data;
using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Training.Losses;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Next-token prediction on prepared rows.</summary>
internal sealed class SftTask(CausalLM model, IReadOnlyList<TokenizedRow> rows, IReadOnlyList<EvalSet> evalSets, SftOptions options, int padId, Tokenizer? tokenizer) : TrainingTask
{
    private readonly BatchCollator _collator = new(padId, options.Preparation.ResolvedPaddingFree, options.PadToMultipleOf);
    private readonly BatchCollator _evalCollator = new(padId, options.EvalPreparation.ResolvedPaddingFree, options.PadToMultipleOf);
    private readonly double _routerLossFactor = options.RouterLossFactor ?? (model.Config.Flag("output_router_logits", false) ? model.RouterLossFactor : 0);
    private int[]? _lengths;

    public override nn.Module Model => model;

    public override int Rows => rows.Count;

    public override IReadOnlyList<EvalSet> EvalSets => evalSets;

    public override IReadOnlyList<int> Lengths => _lengths ??= [.. rows.Select(row => row.Length)];

    public override Batch Collate(IReadOnlyList<int> indices) => _collator.Collate([.. indices.Select(i => rows[i])]);

    public override Batch Collate(IReadOnlyList<TokenizedRow> batchRows) => _evalCollator.Collate(batchRows);

    public override Tensor Loss(Batch batch, LossWeight weight, out TokenMetrics metrics)
    {
        using var scope = NewDisposeScope();
        using RouterTrace? routing = _routerLossFactor > 0 ? new RouterTrace() : null;
        Tensor loss = CausalLoss.Compute(model, Hidden(batch, routing), batch.Labels, weight.Divisor / weight.Scale, options.LabelSmoothing, out metrics);
        if (routing is not null)
        {
            Tensor balance = routing.LoadBalancingLoss(batch.AttentionMask);
            metrics = metrics with { RouterLoss = balance.item<float>() };
            loss = loss + (balance * (_routerLossFactor * weight.Scale / weight.MicroBatches));
        }

        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>States (B, T, hidden) after the final norm.</summary>
    public Tensor Hidden(Batch batch, RouterTrace? routing = null)
    {
        Tensor? vectors = null;
        if (model.training && options.NeftuneNoiseAlpha is { } alpha)
        {
            vectors = Neftune.AddNoise(model.Embedding.call(batch.InputIds), alpha);
        }

        // Padding is on the right, where causal attention never looks and no label lies: no mask is needed, and attention runs its fastest path.
        return model.HiddenStates(new TransformerInputs { Ids = batch.InputIds, TokenVectors = vectors, PositionIds = batch.PositionIds, Routing = routing });
    }

    /// <summary>Converts what is trained of the adapters, where the options ask for it.</summary>
    public void ConvertAdapters()
    {
        if (options.AdapterDtype is { } dtype && model.AdapterNames() is [_, ..])
        {
            foreach (Tensor parameter in model.parameters().Where(parameter => parameter.requires_grad && parameter.dtype != dtype))
            {
                Interop.TorchOperators.SetData(parameter, dtype);
            }
        }
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
