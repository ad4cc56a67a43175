using System.Numerics;
using LoraSharp.Quantization;

namespace LoraSharp.Training;

/// <summary>
/// Adam's step over float32 memory in one pass: every value is read and written once, where a chain of tensor operators would pass over memory
/// a dozen times. No fused multiply-add and no reordering, so each element has the same bits for any vector width and number of threads.
/// </summary>
internal static unsafe class AdamKernel
{
    private const int ChunkElements = 1 << 14;
    private const long SmallestParallelWork = 4 * ChunkElements;

    /// <summary>Steps all jobs, divided among the threads.</summary>
    public static void Run(IReadOnlyList<Job> jobs, int threads)
    {
        var chunks = new List<(Job Job, long Start)>();
        long total = 0;
        foreach (Job job in jobs)
        {
            total += job.Count;
            for (long start = 0; start < job.Count; start += ChunkElements)
            {
                chunks.Add((job, start));
            }
        }

        if (threads > 1 && total >= SmallestParallelWork)
        {
            ParallelRanges.Run(chunks.Count, 1, threads, (start, end) =>
            {
                for (int i = (int)start; i < end; i++)
                {
                    Step(chunks[i].Job, chunks[i].Start);
                }
            });
        }
        else
        {
            chunks.ForEach(chunk => Step(chunk.Job, chunk.Start));
        }
    }

    private static void Step(in Job job, long start)
    {
        int count = (int)Math.Min(ChunkElements, job.Count - start);
        float* p = job.Parameter + start;
        float* g = job.Gradient + start;
        float* m = job.First + start;
        float* v = job.Second + start;
        int i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> value = Vector.Load(p + i);
            Vector<float> gradient = Vector.Load(g + i) + (job.GradientDecay * value);
            Vector<float> first = Vector.Load(m + i);
            first += job.OneMinusBeta1 * (gradient - first);
            Vector<float> second = (Vector.Load(v + i) * job.Beta2) + (gradient * gradient * job.OneMinusBeta2);
            Vector<float> denominator = (Vector.SquareRoot(second) * job.RootScale) + new Vector<float>(job.Eps);
            Vector.Store(first, m + i);
            Vector.Store(second, v + i);
            Vector.Store((value * job.Shrink) - (job.StepSize * first / denominator), p + i);
        }

        for (; i < count; i++)
        {
            float gradient = g[i] + (job.GradientDecay * p[i]);
            m[i] += job.OneMinusBeta1 * (gradient - m[i]);
            v[i] = (v[i] * job.Beta2) + (gradient * gradient * job.OneMinusBeta2);
            float denominator = (MathF.Sqrt(v[i]) * job.RootScale) + job.Eps;
            p[i] = (p[i] * job.Shrink) - (job.StepSize * m[i] / denominator);
        }
    }

    /// <summary>One parameter: where its values lie, and its constants.</summary>
    internal readonly struct Job
    {
        public float* Parameter { get; init; }

        public float* Gradient { get; init; }

        public float* First { get; init; }

        public float* Second { get; init; }

        public long Count { get; init; }

        /// <summary>1 − lr·decay for AdamW, 1 for Adam.</summary>
        public float Shrink { get; init; }

        /// <summary>The decay for Adam, 0 for AdamW.</summary>
        public float GradientDecay { get; init; }

        public float OneMinusBeta1 { get; init; }

        public float Beta2 { get; init; }

        public float OneMinusBeta2 { get; init; }

        /// <summary>lr / (1 − β1^s).</summary>
        public float StepSize { get; init; }

        /// <summary>1 / √(1 − β2^s).</summary>
        public float RootScale { get; init; }

        public float Eps { get; init; }
    }
}
