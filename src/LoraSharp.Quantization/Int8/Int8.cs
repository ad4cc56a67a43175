namespace LoraSharp.Quantization;

/// <summary>Row-wise 8-bit quantisation of LLM.int8() (arXiv:2208.07339), bit for bit bitsandbytes' int8_vectorwise_quant.</summary>
public static unsafe class Int8
{
    /// <summary>
    /// Quantises rows to codes of −127 to 127: code = round(x · ((1 / absmax) · 127)), ties to even. Values are rounded to half precision first. Elements
    /// that reach the threshold do not count for their row's absmax, and their whole columns get code 0.
    /// </summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="source">[rows, columns]; its length sets the rows.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="threshold">Magnitudes from here on are outliers; 0 means none.</param>
    /// <param name="codes">Receives [rows, columns].</param>
    /// <param name="rowStats">Receives the largest magnitude of each row, outliers left out.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <returns>The columns with an outlier, in ascending order.</returns>
    /// <exception cref="ArgumentException">A length does not fit, or the threshold is negative or NaN.</exception>
    public static int[] QuantizeRows<T>(ReadOnlySpan<T> source, int columns, float threshold, Span<sbyte> codes, Span<float> rowStats, int maxThreads = 0)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if (!(threshold >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "The threshold must be at least 0 (0: no outliers); 6 is usual.");
        }

        int rows = source.Length / columns;
        FourBitLayout.RequireLength(source.Length, (long)rows * columns, "The source (rows × columns)");
        FourBitLayout.RequireLength(codes.Length, source.Length, "The codes");
        FourBitLayout.RequireLength(rowStats.Length, rows, "The row statistics");
        var flags = new byte[columns];
        fixed (T* sourceStart = source)
        fixed (sbyte* codesStart = codes)
        fixed (float* statsStart = rowStats)
        fixed (byte* flagsStart = flags)
        {
            T* x = sourceStart;
            sbyte* q = codesStart;
            float* stats = statsStart;
            byte* outlierColumns = flagsStart;
            Int8Kernels kernels = KernelSelection.Current.Int8;
            ParallelRanges.Run(rows, Grain(columns), maxThreads, (start, end) =>
            {
                var scratch = new float[columns];
                fixed (float* row = scratch)
                {
                    for (long n = start; n < end; n++)
                    {
                        stats[n] = kernels.QuantizeRow(x + (n * columns), columns, threshold, outlierColumns, row, q + (n * columns));
                    }
                }
            });
        }

        int[] outliers = [.. Enumerable.Range(0, columns).Where(k => flags[k] != 0)];
        foreach (int k in outliers)
        {
            for (int n = 0; n < rows; n++)
            {
                codes[(int)(((long)n * columns) + k)] = 0;
            }
        }

        return outliers;
    }

    /// <summary>Rows that are worth another thread.</summary>
    internal static int Grain(int columns) => Math.Max(1, 32768 / columns);
}
