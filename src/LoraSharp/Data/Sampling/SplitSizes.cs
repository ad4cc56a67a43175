namespace LoraSharp.Data;

/// <summary>How many rows of a data set go where: shares below 1 (test rounded up, training rounded down), or counts.</summary>
internal static class SplitSizes
{
    private const double DefaultTestShare = 0.25;

    public static (int Train, int Test) Resolve(int rows, double? testSize, double? trainSize)
    {
        Check(rows, testSize, nameof(testSize));
        Check(rows, trainSize, nameof(trainSize));
        if (testSize is null && trainSize is null)
        {
            testSize = DefaultTestShare;
        }

        int? test = testSize is { } t ? Count(rows, t, Math.Ceiling) : null;
        int? train = trainSize is { } r ? Count(rows, r, Math.Floor) : null;
        int testRows = test ?? rows - train!.Value;
        int trainRows = train ?? rows - testRows;
        if (testRows + trainRows > rows || trainRows < 1 || testRows < 1)
        {
            throw new ArgumentException(
                $"A data set of {rows} rows cannot be split into {trainRows} training and {testRows} test rows (testSize {testSize}, trainSize {trainSize}); "
                + "both parts need a row, and together no more than there are.");
        }

        return (trainRows, testRows);
    }

    private static int Count(int rows, double size, Func<double, double> round) => size < 1 ? (int)round(size * rows) : (int)size;

    private static void Check(int rows, double? size, string name)
    {
        if (size is { } value && !(value > 0 && value <= rows && (value < 1 || value == Math.Floor(value))))
        {
            throw new ArgumentOutOfRangeException(name, value, $"A size is a share between 0 and 1, or a whole number of rows (there are {rows}).");
        }
    }
}
