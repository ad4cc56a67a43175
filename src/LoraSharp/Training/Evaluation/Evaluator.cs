using System.Diagnostics;
using LoraSharp.Data;
using LoraSharp.Training.Logging;
using LoraSharp.Training.Losses;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Measures a model on rows that it is not trained on.</summary>
internal sealed class Evaluator(TrainingTask task, TrainingOptions options, CallbackHandler callbacks)
{
    /// <summary>Evaluates on all sets; each is logged and shown to the callbacks by itself.</summary>
    /// <returns>The metrics of all of them (<c>eval_loss</c>; of several sets <c>eval_NAME_loss</c>).</returns>
    public Dictionary<string, double> Evaluate(CancellationToken cancellationToken)
    {
        var all = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (EvalSet set in task.EvalSets)
        {
            string prefix = set.Name is null ? "eval_" : $"eval_{set.Name}_";
            Dictionary<string, double> metrics = Measure(set.Rows, prefix, cancellationToken);
            callbacks.Log(new Dictionary<string, double>(metrics, StringComparer.Ordinal));
            callbacks.Evaluated(metrics);
            foreach (var (key, value) in metrics)
            {
                all[key] = value;
            }
        }

        return all;
    }

    /// <summary>Losses over rows; each batch's mean weighs as much as it has rows.</summary>
    public Dictionary<string, double> Measure(IReadOnlyList<TokenizedRow> rows, string prefix, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        double loss = 0;
        var means = new MeanMetrics();
        ForEachBatch(rows, (batch, _) =>
        {
            Tensor mean = task.Loss(batch, new LossWeight(Math.Max(1, batch.LabelCount)), out TokenMetrics metrics);
            loss += mean.to(ScalarType.Float64).item<double>() * batch.Rows;
            means.Add(metrics);
        }, cancellationToken);
        int batches = means.Count;
        var entry = new Dictionary<string, double>(StringComparer.Ordinal) { [prefix + "loss"] = loss / rows.Count };
        means.Take(entry, prefix);
        entry[prefix + "num_tokens"] = callbacks.Context.Progress?.Tokens ?? 0;
        double seconds = Math.Max(1e-9, watch.Elapsed.TotalSeconds);
        entry[prefix + "runtime"] = seconds;
        entry[prefix + "samples_per_second"] = rows.Count / seconds;
        entry[prefix + "steps_per_second"] = batches / seconds;
        return entry;
    }

    /// <summary>Goes through rows in order, in batches, without gradients and without dropout.</summary>
    public void ForEachBatch(IReadOnlyList<TokenizedRow> rows, Action<Batch, IReadOnlyList<TokenizedRow>> visit, CancellationToken cancellationToken)
    {
        bool wasTraining = task.Model.training;
        using var precision = Autocast.Use(task.Model, options.Precision);
        task.Model.eval();
        try
        {
            using var noGrad = no_grad();
            foreach (TokenizedRow[] chunk in rows.Chunk(options.EvalBatchSize))
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using Batch batch = task.Collate(chunk);
                visit(batch, chunk);
                callbacks.PredictionStep();
            }
        }
        finally
        {
            task.Model.train(wasTraining);
        }
    }
}
