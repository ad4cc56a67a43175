using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>What the memory of this machine can do, measured with plain loops in the same run as the kernels.</summary>
internal static unsafe class Yardstick
{
    /// <summary>The fewest seconds of many runs, within a time budget: other programs on the machine only ever add time.</summary>
    public static double BestSeconds(Action action, double budgetSeconds)
    {
        action();
        double best = double.MaxValue;
        var total = Stopwatch.StartNew();
        for (int i = 0; i < 2 || total.Elapsed.TotalSeconds < budgetSeconds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    /// <summary>The same for an action and its yardstick, in turns, each within the budget: whatever slows the machine for a while slows both.</summary>
    public static (double Action, double Yardstick) BestSeconds(Action action, Action yardstick, double budgetSeconds)
    {
        const int Turns = 5;
        double best = double.MaxValue, bestYardstick = double.MaxValue;
        for (int i = 0; i < Turns; i++)
        {
            best = Math.Min(best, BestSeconds(action, budgetSeconds / Turns));
            bestYardstick = Math.Min(bestYardstick, BestSeconds(yardstick, budgetSeconds / Turns));
        }

        return (best, bestYardstick);
    }

    /// <summary>Copies with stores that go around the cache.</summary>
    public static void StreamingCopy(NativeBuffer source, NativeBuffer destination, int threads) => InParallel(source.Length, threads, (start, end) =>
    {
        byte* from = source.Pointer;
        byte* to = destination.Pointer;
        for (long i = start; i < end; i += 128)
        {
            Vector512<byte> a = Vector512.Load(from + i);
            Vector512<byte> b = Vector512.Load(from + i + 64);
            a.StoreAlignedNonTemporal(to + i);
            b.StoreAlignedNonTemporal(to + i + 64);
        }
    });

    /// <summary>Copies as the runtime does.</summary>
    public static void Copy(NativeBuffer source, NativeBuffer destination, int threads) => InParallel(source.Length, threads, (start, end) =>
        Buffer.MemoryCopy(source.Pointer + start, destination.Pointer + start, end - start, end - start));

    /// <summary>Reads every byte.</summary>
    public static void Read(NativeBuffer source, int threads) => InParallel(source.Length, threads, (start, end) => Consume(source.Pointer + start, end - start));

    /// <summary>Reads four arrays and writes three of them: the least that an AdamW step can do.</summary>
    public static void ReadFourWriteThree(NativeBuffer a, NativeBuffer b, NativeBuffer c, NativeBuffer d, int threads) => InParallel(a.Length, threads, (start, end) =>
    {
        for (long i = start; i < end; i += 64)
        {
            Vector512<byte> gradient = Vector512.Load(d.Pointer + i);
            (Vector512.Load(a.Pointer + i) ^ gradient).Store(a.Pointer + i);
            (Vector512.Load(b.Pointer + i) ^ gradient).Store(b.Pointer + i);
            (Vector512.Load(c.Pointer + i) ^ gradient).Store(c.Pointer + i);
        }
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Consume(byte* source, long length)
    {
        Vector512<long> a = default, b = default, c = default, d = default;
        for (long i = 0; i < length; i += 256)
        {
            a += Vector512.Load((long*)(source + i));
            b += Vector512.Load((long*)(source + i + 64));
            c += Vector512.Load((long*)(source + i + 128));
            d += Vector512.Load((long*)(source + i + 192));
        }

        return Vector512.Sum((a + b) + (c + d));
    }

    /// <summary>Runs over equal parts, which are multiples of 4 KiB.</summary>
    private static void InParallel(long length, int threads, Action<long, long> body)
    {
        long part = (length / threads) & ~4095L;
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, t => body(t * part, t == threads - 1 ? length : (t + 1) * part));
    }
}
