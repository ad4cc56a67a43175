namespace LoraSharp.Data;

/// <summary>
/// The rows of each epoch and micro-batch. An order depends on the seed and the epoch alone, so a resumed run skips to its place and sees what the
/// uninterrupted run saw.
/// </summary>
internal sealed class EpochSampler
{
    private readonly SamplingStrategy _strategy;
    private readonly long _seed;
    private readonly long _dataSeed;
    private readonly int _batchSize;
    private readonly int _groupSize;
    private readonly bool _dropLast;
    private readonly IReadOnlyList<int>? _lengths;

    /// <param name="strategy">The order.</param>
    /// <param name="rows">How many rows there are.</param>
    /// <param name="batchSize">Rows per micro-batch.</param>
    /// <param name="accumulationSteps">Micro-batches per optimizer step; grouping by length looks at whole steps.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="dataSeed">Takes the seed's place for random order; grouping by length ignores it, as transformers does.</param>
    /// <param name="dropLast">Whether a last micro-batch that is not full is left out.</param>
    /// <param name="lengths">The length of each row; needed to group by length.</param>
    public EpochSampler(
        SamplingStrategy strategy, int rows, int batchSize, int accumulationSteps, long seed, long? dataSeed, bool dropLast, IReadOnlyList<int>? lengths)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(accumulationSteps, 1);
        if (strategy == SamplingStrategy.GroupByLength && lengths?.Count != rows)
        {
            throw new ArgumentException($"Grouping by length needs the length of each of the {rows} rows.", nameof(lengths));
        }

        _strategy = strategy;
        Rows = rows;
        _batchSize = batchSize;
        _groupSize = checked(batchSize * accumulationSteps);
        _seed = seed;
        _dataSeed = dataSeed ?? seed;
        _dropLast = dropLast;
        _lengths = lengths;
    }

    public int Rows { get; }

    public int BatchesPerEpoch => _dropLast ? Rows / _batchSize : (int)((Rows + (long)_batchSize - 1) / _batchSize);

    /// <summary>The rows of an epoch (from 0) in the order in which they are seen.</summary>
    public int[] Order(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        switch (_strategy)
        {
            case SamplingStrategy.Random:
                return new MersenneTwister(unchecked(_dataSeed + epoch)).RandPerm(Rows);
            case SamplingStrategy.Sequential:
                return [.. Enumerable.Range(0, Rows)];
            case SamplingStrategy.GroupByLength:
                // One generator runs through all epochs; each draws 64 bits (the loader's own seed) and then its permutation. Starting again
                // from the seed makes a resumed epoch equal to the uninterrupted one.
                var twister = new MersenneTwister(_seed);
                int[] permutation = [];
                for (int e = 0; e <= epoch; e++)
                {
                    twister.NextUInt64();
                    permutation = twister.RandPerm(Rows);
                }

                return LengthGrouping.Group(_lengths!, permutation, _groupSize);
            default:
                throw new InvalidOperationException($"The sampling strategy {_strategy} is not known.");
        }
    }

    /// <summary>The micro-batches of an epoch, each a list of rows.</summary>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="skip">Micro-batches of it that were already seen.</param>
    public IEnumerable<int[]> Batches(int epoch, int skip = 0) => Order(epoch).Chunk(_batchSize).Take(BatchesPerEpoch).Skip(skip);
}
