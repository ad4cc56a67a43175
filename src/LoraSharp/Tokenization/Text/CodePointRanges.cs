using System.Globalization;

namespace LoraSharp.Tokenization;

/// <summary>Reads tables of code point ranges written as text, and looks code points up in them.</summary>
internal static class CodePointRanges
{
    /// <summary>Lines of the form <c>name: 41-5A 61 ...</c> as ranges in ascending order.</summary>
    public static (int First, int Last, T Value)[] Parse<T>(string data, Func<string, T> valueOf)
    {
        var ranges = new List<(int First, int Last, T Value)>();
        foreach (string line in data.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            T value = valueOf(line[..colon]);
            foreach (string range in line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                int dash = range.IndexOf('-', StringComparison.Ordinal);
                int first = int.Parse(dash < 0 ? range : range[..dash], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                int last = dash < 0 ? first : int.Parse(range[(dash + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                ranges.Add((first, last, value));
            }
        }

        ranges.Sort((a, b) => a.First.CompareTo(b.First));
        return [.. ranges];
    }

    public static bool Find<T>((int First, int Last, T Value)[] ranges, int codePoint, out T? value)
    {
        int low = 0;
        int high = ranges.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (codePoint < ranges[middle].First)
            {
                high = middle - 1;
            }
            else if (codePoint > ranges[middle].Last)
            {
                low = middle + 1;
            }
            else
            {
                value = ranges[middle].Value;
                return true;
            }
        }

        value = default;
        return false;
    }
}
