namespace LoraSharp.Quantization;

/// <summary>
/// A matrix in 8-bit integers with one scale a row (LLM.int8(), arXiv:2208.07339): W[n, k] = <c>Codes[n, k] · Scales[n] / 127</c>. Immutable; safe for
/// concurrent use. Codes and scales are bitsandbytes' CB and SCB.
/// </summary>
public sealed unsafe class Int8Matrix
{
    /// <summary>The most columns: their exact integer sum must fit 32 bits.</summary>
    public const int MaxColumns = 131072;

    /// <summary>A matrix over existing data, for instance of a file; nothing is copied.</summary>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features, at most 131,072.</param>
    /// <param name="codes">[rows, columns] in row-major order.</param>
    /// <param name="scales">The largest magnitude of each row.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public Int8Matrix(int rows, int columns, ReadOnlyMemory<sbyte> codes, ReadOnlyMemory<float> scales)
    {
        RequireShape(rows, columns);
        FourBitLayout.RequireLength(codes.Length, (long)rows * columns, "The codes (rows × columns)");
        FourBitLayout.RequireLength(scales.Length, rows, "The scales");
        Rows = rows;
        Columns = columns;
        Codes = codes;
        Scales = scales;
    }

    /// <summary>Output features.</summary>
    public int Rows { get; }

    /// <summary>Input features.</summary>
    public int Columns { get; }

    /// <summary>[rows, columns] in row-major order.</summary>
    public ReadOnlyMemory<sbyte> Codes { get; }

    /// <summary>The largest magnitude of each row.</summary>
    public ReadOnlyMemory<float> Scales { get; }

    /// <summary>Quantises a weight: rounded to half precision first, then row by row.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="source">[rows, columns] in row-major order.</param>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features, at most 131,072.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <returns>The quantised matrix, in memory of its own.</returns>
    /// <exception cref="ArgumentException">The shape does not fit the source.</exception>
    public static Int8Matrix Quantize<T>(ReadOnlySpan<T> source, int rows, int columns, int maxThreads = 0)
        where T : unmanaged
    {
        RequireShape(rows, columns);
        FourBitLayout.RequireLength(source.Length, (long)rows * columns, "The weight (rows × columns)");
        Memory<sbyte> codes = PinnedMemory.Allocate<sbyte>(source.Length);
        Memory<float> scales = PinnedMemory.Allocate<float>(rows);
        Int8.QuantizeRows(source, columns, threshold: 0, codes.Span, scales.Span, maxThreads);
        return new Int8Matrix(rows, columns, codes, scales);
    }

    /// <summary>Dequantises rows: code × (scale / 127) in single precision, then rounded to <typeparamref name="T"/>.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="firstRow">The first row.</param>
    /// <param name="destination">Receives whole rows, as many as it has room for.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">The rows do not lie within the matrix, or the span does not hold whole rows.</exception>
    public void Dequantize<T>(int firstRow, Span<T> destination, int maxThreads = 0)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        int count = destination.Length / Columns;
        FourBitLayout.RequireLength(destination.Length, (long)count * Columns, "The destination (whole rows)");
        if (firstRow < 0 || firstRow > Rows - count)
        {
            throw new ArgumentOutOfRangeException(nameof(firstRow), firstRow, $"The {count} rows from {firstRow} do not lie within the matrix of {Rows} rows.");
        }

        fixed (sbyte* codesStart = Codes.Span)
        fixed (float* scalesStart = Scales.Span)
        fixed (T* destinationStart = destination)
        {
            sbyte* codes = codesStart + ((long)firstRow * Columns);
            float* scales = scalesStart + firstRow;
            T* y = destinationStart;
            int columns = Columns;
            Int8Kernels kernels = KernelSelection.Current.Int8;
            ParallelRanges.Run(count, Int8.Grain(columns), maxThreads, (start, end) =>
            {
                for (long n = start; n < end; n++)
                {
                    kernels.Dequantize(codes + (n * columns), scales[n], columns, y + (n * columns));
                }
            });
        }
    }

    /// <summary>
    /// y = x · Wᵀ + bias as LLM.int8() computes it: x is quantised row by row without its outlier columns, the integer product is exact, and the outlier
    /// columns are added as a product with the dequantised weight in <typeparamref name="T"/>.
    /// </summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>: the type of x, bias and y.</typeparam>
    /// <param name="x">[batch, columns].</param>
    /// <param name="threshold">Columns with a magnitude from here on are outliers; 0 means none. 6 is usual.</param>
    /// <param name="bias">[rows], or empty.</param>
    /// <param name="y">Receives [batch, rows].</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <returns>The outlier columns in ascending order.</returns>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    public int[] Multiply<T>(ReadOnlySpan<T> x, float threshold, ReadOnlySpan<T> bias, Span<T> y, int maxThreads = 0)
        where T : unmanaged
    {
        int batch = x.Length / Columns;
        FourBitLayout.RequireLength(x.Length, (long)batch * Columns, "x (batch × columns)");
        FourBitLayout.RequireLength(y.Length, (long)batch * Rows, "y (batch × rows)");
        FourBitLayout.RequireLength(bias.Length, bias.IsEmpty ? 0 : Rows, "bias");

        // Four rows of x share each load of the weight; zero rows fill up the last group.
        int xRows = (batch + 3) & ~3;
        var codes = new sbyte[(long)xRows * Columns];
        var stats = new float[batch];
        var sums = new float[y.Length];
        int[] outliers = Int8.QuantizeRows(x, Columns, threshold, codes.AsSpan(0, x.Length), stats, maxThreads);
        fixed (sbyte* wStart = Codes.Span, qStart = codes)
        fixed (float* wScaleStart = Scales.Span, xScaleStart = stats, sumsStart = sums)
        {
            sbyte* w = wStart;
            sbyte* q = qStart;
            float* wScale = wScaleStart;
            float* xScale = xScaleStart;
            float* target = sumsStart;
            int rows = Rows;
            int columns = Columns;
            Int8Kernels kernels = KernelSelection.Current.Int8;
            ParallelRanges.Run(rows, Int8.Grain(columns), maxThreads, (start, end) =>
                kernels.Multiply(w, wScale, (int)start, (int)end, rows, columns, q, xScale, batch, xRows, target));
        }

        for (int i = 0; i < y.Length; i++)
        {
            y[i] = Element<T>.FromSingle(bias.IsEmpty ? sums[i] : sums[i] + Element<T>.ToSingle(bias[i % Rows]));
        }

        AddOutliers(x, outliers, y);
        return outliers;
    }

    private static void RequireShape(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        if (columns is < 1 or > MaxColumns)
        {
            throw new ArgumentOutOfRangeException(nameof(columns), columns, $"An 8-bit matrix has 1 to {MaxColumns} columns, so that its exact sums fit 32 bits.");
        }
    }

    private void AddOutliers<T>(ReadOnlySpan<T> x, int[] outliers, Span<T> y)
        where T : unmanaged
    {
        if (outliers.Length == 0)
        {
            return;
        }

        ReadOnlySpan<sbyte> codes = Codes.Span;
        ReadOnlySpan<float> scales = Scales.Span;
        var weights = new float[outliers.Length];
        for (int n = 0; n < Rows; n++)
        {
            float factor = scales[n] / 127f;
            for (int c = 0; c < outliers.Length; c++)
            {
                weights[c] = Element<T>.ToSingle(Element<T>.FromSingle(codes[(int)(((long)n * Columns) + outliers[c])] * factor));
            }

            for (int m = 0; m < x.Length / Columns; m++)
            {
                float sum = 0;
                for (int c = 0; c < outliers.Length; c++)
                {
                    sum += Element<T>.ToSingle(x[(m * Columns) + outliers[c]]) * weights[c];
                }

                // The product is a tensor of its own in the reference: rounded before it is added.
                int at = (m * Rows) + n;
                y[at] = Element<T>.FromSingle(Element<T>.ToSingle(y[at]) + Element<T>.ToSingle(Element<T>.FromSingle(sum)));
            }
        }
    }
}
