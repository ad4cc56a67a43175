namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The methods of str that look for a text between two indices.</summary>
internal static class TextSearch
{
    private static readonly Signature Search = new("find", 1, "sub", "start", "end") { IsPositionalOnly = true };

    public static Method Affix(bool isSuffix) => (renderer, self, arguments) =>
    {
        Bound bound = Search.Bind(arguments);
        if (!TryWindow(renderer, self, bound, out string window, out _))
        {
            return false;
        }

        IReadOnlyList<object?> affixes = bound[0] is JinjaTuple tuple ? tuple.Items : [bound[0]];
        foreach (object? affix in affixes)
        {
            string text = Markup.TextOf(affix)
                ?? throw Errors.Type($"{(isSuffix ? "endswith" : "startswith")} first arg must be str or a tuple of str, not {TypeNames.Of(affix)}");
            if (isSuffix ? window.EndsWith(text, StringComparison.Ordinal) : window.StartsWith(text, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    };

    public static Method Find(bool fromEnd, bool mustExist) => (renderer, self, arguments) =>
    {
        Bound bound = Search.Bind(arguments);
        string wanted = bound.Text(0);
        long found = -1;
        if (TryWindow(renderer, self, bound, out string window, out int offset))
        {
            int units = wanted.Length == 0 ? (fromEnd ? window.Length : 0)
                : fromEnd ? window.LastIndexOf(wanted, StringComparison.Ordinal) : window.IndexOf(wanted, StringComparison.Ordinal);
            found = units < 0 ? -1 : offset + CodePoints.FromUnits(window, units);
        }

        return found < 0 && mustExist ? throw Errors.Value("substring not found") : found;
    };

    public static object? Count(Renderer renderer, object self, CallArguments arguments)
    {
        Bound bound = Search.Bind(arguments);
        string wanted = bound.Text(0);
        if (!TryWindow(renderer, self, bound, out string window, out _))
        {
            return 0L;
        }

        if (wanted.Length == 0)
        {
            return (long)CodePoints.Length(window) + 1;
        }

        long count = 0;
        for (int i = window.IndexOf(wanted, StringComparison.Ordinal); i >= 0; i = window.IndexOf(wanted, i + wanted.Length, StringComparison.Ordinal))
        {
            count++;
        }

        return count;
    }

    /// <summary>The part of the text to search; false where the start lies behind its end, where not even an empty text is found.</summary>
    private static bool TryWindow(Renderer renderer, object self, Bound bound, out string window, out int offset)
    {
        string text = Markup.TextOf(self)!;
        renderer.ChargeSearch(text.Length, Markup.TextOf(bound[0])?.Length ?? 0);
        window = text;
        offset = 0;
        if (!bound.Has(1) && !bound.Has(2))
        {
            return true;
        }

        int length = CodePoints.Length(text);
        int start = bound.Count(1, 0);
        int end = bound.Count(2, length);
        offset = start < 0 ? Math.Max(0, start + length) : start;
        end = end < 0 ? Math.Max(0, end + length) : Math.Min(end, length);
        window = CodePoints.Slice(text, offset, end);
        return offset <= length && offset <= end;
    }
}
