using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora.Initialization;

/// <summary>Principal directions of rows that come in batches (Ross et al. 2008): mean, singular values and directions are carried from batch to batch.</summary>
internal sealed class IncrementalPca(int count) : IDisposable
{
    private Tensor? _mean;
    private Tensor? _variance;
    private Tensor? _values;
    private Tensor? _directions;
    private Tensor? _previous;
    private long _rows;

    public void Add(Tensor rows)
    {
        using var scope = NewDisposeScope();
        long added = rows.shape[0], total = _rows + added;
        Tensor batchMean = rows.mean([0]), batchVariance = rows.var([0], unbiased: false);
        Tensor mean, variance, stacked = rows - batchMean;
        if (_mean is null)
        {
            (mean, variance) = (batchMean, batchVariance);
        }
        else
        {
            Tensor shift = _mean - batchMean;
            mean = ((_mean * _rows) + (batchMean * added)) / total;
            variance = (((_variance! * _rows) + (batchVariance * added)) / total) + (shift * shift * ((double)_rows * added / ((double)total * total)));
            Tensor correction = (shift * Math.Sqrt((double)_rows / total * added)).unsqueeze(0);
            stacked = cat([_values!.unsqueeze(1) * _directions!, stacked, correction], 0);
        }

        (_, Tensor s, Tensor vh) = linalg.svd(stacked, fullMatrices: false);
        long kept = Math.Min(count, s.shape[0]);
        Tensor directions = Oriented(vh.narrow(0, 0, kept));
        _previous?.Dispose();
        _previous = _directions;
        Keep(ref _mean, mean);
        Keep(ref _variance, variance);
        Keep(ref _values, s.narrow(0, 0, kept).clone());
        _directions = directions.DetachFromDisposeScope();
        _rows = total;
    }

    /// <summary>Share of the whole variance that each direction explains.</summary>
    public IReadOnlyList<double> ExplainedVarianceRatios()
    {
        if (_values is null)
        {
            throw new AdapterException("No input reached an adapted layer. Run the model itself on each batch.");
        }

        using var scope = NewDisposeScope();
        return [.. (_values.square() / (_variance!.sum() * _rows)).to(ScalarType.Float64).data<double>()];
    }

    /// <summary>Whether the first directions have hardly turned with the last batch.</summary>
    public bool HasSettled(int rank, double tau)
    {
        using var scope = NewDisposeScope();
        if (_previous is null || rank > Math.Min(_previous.shape[0], _directions!.shape[0]))
        {
            return false;
        }

        return rank == 0 || (_previous.narrow(0, 0, rank) * _directions.narrow(0, 0, rank)).sum([1L]).abs().ge(tau).all().item<bool>();
    }

    /// <summary>The first directions as rows.</summary>
    public Tensor Components(int rank, bool whiten)
    {
        Tensor rows = _directions!.narrow(0, 0, rank);
        return whiten ? rows / _values!.narrow(0, 0, rank).sqrt().unsqueeze(1) : rows;
    }

    public void Dispose()
    {
        _mean?.Dispose();
        _variance?.Dispose();
        _values?.Dispose();
        _directions?.Dispose();
        _previous?.Dispose();
    }

    // The entry of largest magnitude of each row is positive.
    private static Tensor Oriented(Tensor rows) => rows * rows.gather(1, rows.abs().argmax(1).unsqueeze(1)).sign();

    private static void Keep(ref Tensor? field, Tensor value)
    {
        field?.Dispose();
        field = value.DetachFromDisposeScope();
    }
}
