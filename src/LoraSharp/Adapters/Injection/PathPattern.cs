using System.Globalization;

namespace LoraSharp.Adapters.Injection;

/// <summary>A run of whole names in a path, where a number may be a range: <c>layers.30-31.mlp</c>.</summary>
internal sealed class PathPattern
{
    private readonly Func<string, bool>[] _segments;

    private PathPattern(Func<string, bool>[] segments) => _segments = segments;

    public static PathPattern Parse(string text)
    {
        string[] segments = text.Split('.');
        if (segments.Any(string.IsNullOrWhiteSpace))
        {
            throw new AdapterException($"'{text}' is no part of a path: names are separated by single dots (lm_head, layers.30-31).");
        }

        return new PathPattern([.. segments.Select(segment => Segment(segment, text))]);
    }

    public bool IsMatch(string path)
    {
        string[] names = path.Split('.');
        return Enumerable.Range(0, Math.Max(0, names.Length - _segments.Length + 1)).Any(start => _segments.Select((segment, i) => segment(names[start + i])).All(hit => hit));
    }

    private static Func<string, bool> Segment(string segment, string text)
    {
        int dash = segment.IndexOf('-', StringComparison.Ordinal);
        if (dash <= 0 || !Number(segment[..dash], out int from) || !Number(segment[(dash + 1)..], out int to))
        {
            return name => name == segment;
        }

        return from <= to
            ? name => Number(name, out int number) && number >= from && number <= to
            : throw new AdapterException($"'{text}' holds the range {segment}, which is empty; write the smaller number first.");
    }

    private static bool Number(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
