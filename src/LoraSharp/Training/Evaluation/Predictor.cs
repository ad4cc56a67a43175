using LoraSharp.Data;
using LoraSharp.Training.Losses;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Predictions and metrics of a model on rows.</summary>
internal sealed class Predictor(CausalLM model, SftTask task, Evaluator evaluator, CallbackHandler callbacks)
{
    // As many rows of logits as exist at a time.
    private const int ChunkRows = 256;

    public PredictionResult Predict(IReadOnlyList<TokenizedRow> rows, string prefix, CancellationToken cancellationToken)
    {
        Dictionary<string, double> metrics = evaluator.Measure(rows, prefix, cancellationToken);
        var predictions = new List<RowPrediction>(rows.Count);
        evaluator.ForEachBatch(rows, (batch, chunk) => Add(batch, chunk, predictions), cancellationToken);
        callbacks.Predicted(metrics);
        return new PredictionResult(metrics, predictions);
    }

    private void Add(Batch batch, IReadOnlyList<TokenizedRow> rows, List<RowPrediction> predictions)
    {
        Tensor hidden = task.Hidden(batch);
        int offset = (int)(hidden.shape[1] - batch.Labels.shape[1]);
        for (int row = 0; row < rows.Count; row++)
        {
            int[] places = [.. Enumerable.Range(1, Math.Max(0, rows[row].Length - 1)).Where(place => rows[row].Labels[place] != CausalLoss.Ignored)];
            var predicted = new List<int>(places.Length);
            var logProbabilities = new List<float>(places.Length);
            foreach (int[] chunk in places.Chunk(ChunkRows))
            {
                using var scope = NewDisposeScope();
                Tensor states = hidden[row].index_select(0, tensor(chunk.Select(place => (long)offset + place - 1).ToArray()));
                Tensor all = model.ProjectLogits(states).to(ScalarType.Float32).log_softmax(-1);
                Tensor labels = tensor(chunk.Select(place => (long)rows[row].Labels[place]).ToArray()).unsqueeze(1);
                predicted.AddRange(all.argmax(-1).data<long>().Select(id => (int)id));
                logProbabilities.AddRange(all.gather(1, labels).data<float>());
            }

            predictions.Add(new RowPrediction([.. places.Select(place => rows[row].Labels[place])], predicted, logProbabilities));
        }
    }
}
