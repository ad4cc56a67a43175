using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's slices.</summary>
internal static class Slicing
{
    public static object? Slice(Renderer renderer, object? value, object? start, object? stop, object? step)
    {
        switch (value)
        {
            case Undefined undefined:
                throw undefined.ToError();
            case string or Markup:
                string text = SliceText(renderer, Markup.TextOf(value)!, start, stop, step);
                return value is Markup ? new Markup(text) : text;
            case JinjaSequence sequence:
                object?[] items = [.. Indices(renderer, sequence.Items.Count, start, stop, step).Select(i => sequence.Items[i])];
                return sequence is JinjaList ? new JinjaList(items) : new JinjaTuple(items);
            case JinjaBytes bytes:
                return new JinjaBytes([.. Indices(renderer, bytes.Bytes.Length, start, stop, step).Select(i => bytes.Bytes[i])]);
            case JinjaRange range:
                return SliceRange(range, start, stop, step);
            case JinjaDict:
                throw Errors.Type("unhashable type: 'slice'");
            default:
                throw Errors.Type($"'{TypeNames.Of(value)}' object is not subscriptable");
        }
    }

    private static string SliceText(Renderer renderer, string text, object? start, object? stop, object? step)
    {
        int length = CodePoints.Length(text);
        (int from, int to, int by, int count) = Resolve(length, start, stop, step);
        renderer.ChargeText(count);
        if (by == 1)
        {
            return CodePoints.Slice(text, from, Math.Max(from, to));
        }

        List<string> characters = [.. CodePoints.Characters(text)];
        renderer.ChargeItems(length);
        return string.Concat(Enumerable.Range(0, count).Select(i => characters[from + (i * by)]));
    }

    private static JinjaRange SliceRange(JinjaRange range, object? start, object? stop, object? step)
    {
        (int from, int to, int by, int count) = Resolve(range.Count, start, stop, step);
        return new JinjaRange(range.Start + (from * range.Step), range.Start + (to * range.Step), range.Step * by, count);
    }

    private static IEnumerable<int> Indices(Renderer renderer, int length, object? start, object? stop, object? step)
    {
        (int from, _, int by, int count) = Resolve(length, start, stop, step);
        renderer.ChargeItems(count);
        return Enumerable.Range(0, count).Select(i => from + (i * by));
    }

    private static (int Start, int Stop, int Step, int Count) Resolve(int length, object? start, object? stop, object? step)
    {
        int by = step is null ? 1 : Integers.Clamp(Index(step));
        if (by == 0)
        {
            throw Errors.Value("slice step cannot be zero");
        }

        // Beyond the ends lies -1 for a walk backwards, the length for one forwards.
        int lowest = by < 0 ? -1 : 0;
        int highest = by < 0 ? length - 1 : length;
        int from = start is null ? (by < 0 ? highest : lowest) : Fit(start, length, lowest, highest);
        int to = stop is null ? (by < 0 ? lowest : highest) : Fit(stop, length, lowest, highest);
        long distance = by > 0 ? (long)to - from : (long)from - to;
        int count = distance <= 0 ? 0 : (int)(((distance - 1) / Math.Abs((long)by)) + 1);
        return (from, to, by, count);
    }

    private static int Fit(object bound, int length, int lowest, int highest)
    {
        BigInteger index = Index(bound);
        index = index.Sign < 0 ? index + length : index;
        return index < lowest ? lowest : index > highest ? highest : (int)index;
    }

    private static BigInteger Index(object value) => Integers.TryGet(value, out BigInteger index)
        ? index
        : throw (value is Undefined undefined ? undefined.ToError() : Errors.Type("slice indices must be integers or None or have an __index__ method"));
}
