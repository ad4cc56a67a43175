using System.Buffers;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The methods of str that take a text apart.</summary>
internal static class TextSplitting
{
    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\u001c\u001d\u001e\u0085\u2028\u2029");
    private static readonly Signature SplitSignature = new("split", 0, "sep", "maxsplit");
    private static readonly Signature LinesSignature = new("splitlines", 0, "keepends");
    private static readonly Signature PartitionSignature = new("partition", 1, "sep") { IsPositionalOnly = true };

    public static Method Split(bool fromEnd) => (renderer, self, arguments) =>
    {
        Bound bound = SplitSignature.Bind(arguments);
        string text = Markup.TextOf(self)!;
        renderer.ChargeItems(text.Length / 4);
        string? separator = bound.TextOrNone(0);
        renderer.ChargeSearch(text.Length, separator?.Length ?? 0);
        int limit = bound.Count(1, -1);
        limit = limit < 0 ? int.MaxValue : limit;
        if (separator is { Length: 0 })
        {
            throw Errors.Value("empty separator");
        }

        List<string> parts = (separator, fromEnd) switch
        {
            (null, false) => SplitWords(text, limit),
            (null, true) => SplitWordsFromEnd(text, limit),
            (_, false) => SplitAt(text, separator, limit),
            _ => SplitAtFromEnd(text, separator, limit),
        };
        renderer.ChargeItems(parts.Count);
        return new JinjaList([.. parts]);
    };

    public static Method Partition(bool fromEnd) => (renderer, self, arguments) =>
    {
        string separator = PartitionSignature.Bind(arguments).Text(0);
        string text = Markup.TextOf(self)!;
        renderer.ChargeSearch(text.Length, separator.Length);
        if (separator.Length == 0)
        {
            throw Errors.Value("empty separator");
        }

        int found = fromEnd ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        return found < 0
            ? new JinjaTuple(fromEnd ? ["", "", text] : [text, "", ""])
            : new JinjaTuple([text[..found], separator, text[(found + separator.Length)..]]);
    };

    public static object? SplitLines(Renderer renderer, object self, CallArguments arguments)
    {
        bool keepsEnds = LinesSignature.Bind(arguments).IsTrue(0);
        string text = Markup.TextOf(self)!;
        renderer.ChargeItems(text.Length / 4);
        return new JinjaList([.. Lines(text, keepsEnds)]);
    }

    /// <summary>The lines of a text by every line boundary that Unicode has.</summary>
    public static List<string> Lines(string text, bool keepsEnds = false)
    {
        var lines = new List<string>();
        int start = 0;
        while (start < text.Length)
        {
            int length = text.AsSpan(start).IndexOfAny(LineEnds);
            if (length < 0)
            {
                lines.Add(text[start..]);
                break;
            }

            int end = start + length;
            int next = end + (text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? 2 : 1);
            lines.Add(text[start..(keepsEnds ? next : end)]);
            start = next;
        }

        return lines;
    }

    private static List<string> SplitAt(string text, string separator, int limit)
    {
        var parts = new List<string>();
        int start = 0;
        for (; limit > 0; limit--)
        {
            int found = text.IndexOf(separator, start, StringComparison.Ordinal);
            if (found < 0)
            {
                break;
            }

            parts.Add(text[start..found]);
            start = found + separator.Length;
        }

        parts.Add(text[start..]);
        return parts;
    }

    private static List<string> SplitAtFromEnd(string text, string separator, int limit)
    {
        var parts = new List<string>();
        int end = text.Length;
        for (; limit > 0; limit--)
        {
            int found = text.AsSpan(0, end).LastIndexOf(separator, StringComparison.Ordinal);
            if (found < 0)
            {
                break;
            }

            parts.Add(text[(found + separator.Length)..end]);
            end = found;
        }

        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    private static List<string> SplitWords(string text, int limit)
    {
        var parts = new List<string>();
        ReadOnlySpan<char> rest = text.AsSpan().TrimStartPython();
        while (!rest.IsEmpty)
        {
            if (limit-- == 0)
            {
                parts.Add(rest.TrimEndPython().ToString());
                break;
            }

            int end = 0;
            while (end < rest.Length && !TextPredicates.IsSpace(rest[end]))
            {
                end++;
            }

            parts.Add(rest[..end].ToString());
            rest = rest[end..].TrimStartPython();
        }

        return parts;
    }

    private static List<string> SplitWordsFromEnd(string text, int limit)
    {
        var parts = new List<string>();
        ReadOnlySpan<char> rest = text.AsSpan().TrimEndPython();
        while (!rest.IsEmpty)
        {
            if (limit-- == 0)
            {
                parts.Add(rest.TrimStartPython().ToString());
                break;
            }

            int start = rest.Length;
            while (start > 0 && !TextPredicates.IsSpace(rest[start - 1]))
            {
                start--;
            }

            parts.Add(rest[start..].ToString());
            rest = rest[..start].TrimEndPython();
        }

        parts.Reverse();
        return parts;
    }
}
