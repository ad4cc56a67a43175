namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's sorted(): stable, also in reverse; values without an order are an error.</summary>
internal static class Sorting
{
    /// <summary>A merge sort of its own: the platform's sorts wrap what a comparison throws.</summary>
    public static List<T> Sort<T>(Renderer renderer, IEnumerable<T> items, Func<T, object?> key, bool isReversed)
    {
        (T Item, object? Key)[] from = [.. items.Select(item => (item, key(item)))];
        renderer.ChargeItems(from.Length);
        var to = new (T Item, object? Key)[from.Length];
        for (long width = 1; width < from.Length; width *= 2)
        {
            for (long start = 0; start < from.Length; start += 2 * width)
            {
                Merge(renderer, from, to, (int)start, (int)Math.Min(start + width, from.Length), (int)Math.Min(start + (2 * width), from.Length), isReversed);
            }

            (from, to) = (to, from);
        }

        return [.. from.Select(f => f.Item)];
    }

    /// <summary>Whether a value comes before another; only this is asked, so that what is equal or has no order (not a number) keeps its place.</summary>
    public static bool IsLess(object? a, object? b) => Operators.Order(a, b, "<") is < 0;

    private static void Merge<T>(Renderer renderer, (T Item, object? Key)[] from, (T Item, object? Key)[] to, int start, int middle, int end, bool isReversed)
    {
        int left = start;
        int right = middle;
        for (int i = start; i < end; i++)
        {
            bool takesRight = left >= middle;
            if (!takesRight && right < end)
            {
                renderer.Step();
                takesRight = isReversed ? IsLess(from[left].Key, from[right].Key) : IsLess(from[right].Key, from[left].Key);
            }

            to[i] = takesRight ? from[right++] : from[left++];
        }
    }
}
