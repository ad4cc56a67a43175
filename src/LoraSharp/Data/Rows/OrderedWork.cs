using System.Runtime.ExceptionServices;

namespace LoraSharp.Data;

/// <summary>Work on rows side by side, whose results come in the rows' order whatever the number of workers.</summary>
internal static class OrderedWork
{
    /// <summary>Rows that are worked on side by side before the next ones are looked at.</summary>
    private const int BlockSize = 512;

    /// <summary>The results, block after block; of several failures that of the first row is thrown.</summary>
    /// <param name="rows">The rows; read by the calling thread.</param>
    /// <param name="work">Makes a result of a row and its place; called from several threads unless <paramref name="workers"/> is 1.</param>
    /// <param name="workers">How many threads; null: one for each processor.</param>
    /// <param name="progress">Told how many rows are done.</param>
    /// <param name="cancellationToken">Stops the work between two rows.</param>
    public static IEnumerable<T> Run<T>(
        IEnumerable<DataRow> rows, Func<DataRow, int, T> work, int? workers, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        var options = new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = workers ?? Environment.ProcessorCount };
        int done = 0;
        foreach (DataRow[] block in rows.Chunk(BlockSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var results = new T[block.Length];
            var failures = new Exception?[block.Length];
            Parallel.For(0, block.Length, options, i =>
            {
                try
                {
                    results[i] = work(block[i], done + i);
                }
                catch (Exception exception)
                {
                    failures[i] = exception;
                }
            });

            for (int i = 0; i < block.Length; i++)
            {
                if (failures[i] is { } failure)
                {
                    ExceptionDispatchInfo.Throw(failure);
                }

                yield return results[i];
            }

            done += block.Length;
            progress?.Report(done);
        }
    }

    /// <summary>Says what is wrong with a number of workers.</summary>
    public static void RequireWorkers(int? workers, string name)
    {
        if (workers < 1)
        {
            throw new ArgumentOutOfRangeException(name, workers, "At least one worker is needed; null stands for one for each processor.");
        }
    }
}
