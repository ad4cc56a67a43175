namespace LoraSharp.Quantization;

/// <summary>
/// Splits work into ranges that the caller and pool threads claim one after another. A pool thread that comes late (its core is busy) finds less
/// left to do, and the caller never waits for a thread that has not begun.
/// </summary>
internal static class ParallelRanges
{
    /// <summary>Ranges a thread, so that a slow thread leaves work to the others.</summary>
    private const int RangesPerThread = 8;

    /// <summary>
    /// Runs an action on so many threads, the caller among them, and returns true when all have left it, or false when it cannot; null: only the thread pool can. Another
    /// library's threads are better where that library computes in between: they may still spin on the cores that pool threads would need.
    /// </summary>
    public static Func<int, Action, bool>? Team { get; set; }

    /// <summary>Runs <paramref name="body"/>(start, end) over [0, count), cut at multiples of <paramref name="grain"/> only.</summary>
    public static void Run(long count, long grain, int maxThreads, Action<long, long> body)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxThreads);
        if (count <= 0)
        {
            return;
        }

        long grains = (count + grain - 1) / grain;
        int threads = (int)Math.Min(maxThreads == 0 ? Environment.ProcessorCount : maxThreads, grains);
        if (threads == 1)
        {
            body(0, count);
            return;
        }

        long grainsPerRange = (grains + (threads * RangesPerThread) - 1) / (threads * RangesPerThread);
        var job = new Job(count, grainsPerRange * grain, body);
        if (Team?.Invoke(threads, job.Execute) is not true)
        {
            for (int i = 1; i < threads; i++)
            {
                ThreadPool.UnsafeQueueUserWorkItem(job, preferLocal: false);
            }

            job.Execute();
        }

        job.Wait();
    }

    private sealed class Job(long count, long range, Action<long, long> body) : IThreadPoolWorkItem
    {
        private readonly long _ranges = (count + range - 1) / range;
        private long _next;
        private long _done;
        private volatile Exception? _error;

        public void Execute()
        {
            while (true)
            {
                long index = Interlocked.Increment(ref _next) - 1;
                if (index >= _ranges)
                {
                    return;
                }

                try
                {
                    if (_error is null)
                    {
                        body(index * range, Math.Min(count, (index + 1) * range));
                    }
                }
#pragma warning disable CA1031 // Whatever the body throws is thrown again in the caller.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    _error = e;
                }

                Interlocked.Increment(ref _done);
            }
        }

        public void Wait()
        {
            // A range takes microseconds, so spinning (which yields after a while) beats a kernel wait.
            var spin = default(SpinWait);
            while (Interlocked.Read(ref _done) < _ranges)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }

            if (_error is not null)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_error);
            }
        }
    }
}
