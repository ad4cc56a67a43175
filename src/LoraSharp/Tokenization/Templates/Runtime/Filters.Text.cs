using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

internal static partial class Filters
{
    private static void AddTextFilters(Dictionary<string, Func<Renderer, CallArguments, object?>> all)
    {
        foreach (string method in new[] { "upper", "lower", "capitalize" })
        {
            Define(all, method, 1, ["s"], (renderer, a) => CallMethod(renderer, SoftText(renderer, a[0]), method));
        }

        Define(all, "trim", 1, ["value", "chars"], (renderer, a) => CallMethod(renderer, SoftText(renderer, a[0]), "strip", a.Or(1, null)));
        Define(all, "center", 1, ["value", "width"], (renderer, a) => CallMethod(renderer, SoftText(renderer, a[0]), "center", a.Or(1, 80L)));
        Define(all, "title", 1, ["s"], (renderer, a) => Title(renderer, Printing.Str(renderer, a[0])));
        Define(all, "string", 1, ["object"], (renderer, a) => SoftText(renderer, a[0]));
        Define(all, "replace", 3, ["s", "old", "new", "count"], Replace);
        Define(all, "indent", 1, ["s", "width", "first", "blank"], Indent);
        Define(all, "truncate", 1, ["s", "length", "killwords", "end", "leeway"], Truncate);
        Define(all, "wordwrap", 1, ["s", "width", "break_long_words", "wrapstring", "break_on_hyphens"], WordWrap);
        Define(all, "wordcount", 1, ["s"], (renderer, a) => WordCount(renderer, Printing.Str(renderer, a[0])));
        Define(all, "pprint", 1, ["value"], (renderer, a) => PrettyPrinting.Format(renderer, a[0]));
        Define(all, "tojson", 1, ["x", "ensure_ascii", "indent", "separators", "sort_keys"], ToJson);
        all["format"] = Format;
    }

    private static object? Format(Renderer renderer, CallArguments arguments)
    {
        if (arguments.Positional.Count == 0)
        {
            throw Errors.Type("format() missing required argument 'value'");
        }

        if (arguments is { Positional.Count: > 1, Named.Count: > 0 })
        {
            throw Errors.FilterArgument("can't handle positional and keyword arguments at the same time");
        }

        object values = arguments.Named is { Count: > 0 } named ? JinjaDict.Of(named) : new JinjaTuple(arguments.Skip(1).Positional);
        return PercentFormat.Format(renderer, SoftText(renderer, arguments.Positional[0]), values);
    }

    /// <summary>Words begin after white space and opening brackets, unlike in the method of that name.</summary>
    private static string Title(Renderer renderer, string text)
    {
        renderer.ChargeText(text.Length);
        var result = new StringBuilder(text.Length);
        int start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || text[i] is '-' or '(' or '{' or '[' or '<' || TextPredicates.IsSpace(text[i]))
            {
                AppendWord(result, text[start..i]);
                result.Append(i < text.Length ? text[i].ToString() : "");
                start = i + 1;
            }
        }

        return result.ToString();
    }

    private static void AppendWord(StringBuilder result, string word)
    {
        if (word.Length > 0)
        {
            int first = CodePoints.SizeAt(word, 0);
            result.Append(Casing.Upper(word[..first])).Append(Casing.Lower(word[first..]));
        }
    }

    private static object? Replace(Renderer renderer, Bound a)
    {
        int count = a.Count(3, -1);
        if (!renderer.AutoEscape)
        {
            return TextMethods.Replace(renderer, Printing.Str(renderer, a[0]), Printing.Str(renderer, a[1]), Printing.Str(renderer, a[2]), count);
        }

        object text = a[1] is Markup || (a[2] is Markup && a[0] is not Markup) ? Markup.Escape(renderer, a[0]) : SoftText(renderer, a[0]);
        return CallMethod(renderer, text, "replace", SoftText(renderer, a[1]), SoftText(renderer, a[2]), (long)count);
    }

    private static object? Indent(Renderer renderer, Bound a)
    {
        if (Markup.TextOf(a[0]) is not { } text)
        {
            throw a[0] is Undefined undefined ? undefined.ToError() : Errors.NoOperator("+=", a[0], "");
        }

        string indentation = a.Has(1) && Markup.TextOf(a[1]) is { } given ? given : Spaces(renderer, a.Count(1, 4));
        bool first = a.IsTrue(2);
        bool blank = a.IsTrue(3);
        var result = new TemplateOutput(renderer);
        List<string> lines = TextSplitting.Lines(text + "\n");
        for (int i = 0; i < lines.Count; i++)
        {
            result.Append(i > 0 ? "\n" : "");
            bool isIndented = i == 0 ? first : blank || lines[i].Length > 0;
            result.Append(isIndented ? indentation : "");
            result.Append(lines[i]);
        }

        return a[0] is Markup ? new Markup(result.ToString()) : result.ToString();
    }

    private static string Spaces(Renderer renderer, int count)
    {
        renderer.ChargeText(Math.Max(0, count));
        return new string(' ', Math.Max(0, count));
    }

    private static object? Truncate(Renderer renderer, Bound a)
    {
        int length = a.Count(1, 255);
        string end = a.Has(3) ? a.Text(3) : "...";
        int leeway = a.Count(4, 5);
        int endLength = CodePoints.Length(end);
        if (length < endLength || leeway < 0)
        {
            throw new TemplateException("AssertionError", length < endLength ? $"expected length >= {endLength}, got {length}" : $"expected leeway >= 0, got {leeway}");
        }

        object total = Operators.Length(a[0]);
        if ((long)total <= (long)length + leeway)
        {
            return a[0];
        }

        string kept = CodePoints.Slice(a.Text(0), 0, length - endLength);
        if (!a.IsTrue(2))
        {
            int space = kept.LastIndexOf(' ');
            kept = space < 0 ? kept : kept[..space];
        }

        return Arithmetic.Add(renderer, a[0] is Markup ? new Markup(kept) : kept, end);
    }

    private static object? WordWrap(Renderer renderer, Bound a)
    {
        string separator = a.TextOrNone(3) ?? "\n";
        int width = a.Count(1, 79);
        var lines = new List<string>();
        foreach (string line in TextSplitting.Lines(a.Text(0)))
        {
            // A blank paragraph stays a blank line.
            lines.Add(string.Join(separator, TextWrapping.Wrap(renderer, line, width, a.IsTrue(2, true), a.IsTrue(4, true))));
        }

        return renderer.Concat(lines.SelectMany((line, i) => i == 0 ? new[] { line } : [separator, line]));
    }

    private static object WordCount(Renderer renderer, string text)
    {
        renderer.ChargeText(text.Length);
        long count = 0;
        bool inWord = false;
        foreach (int c in CodePoints.Of(text))
        {
            bool isWord = c == '_' || TextPredicates.IsAlphanumeric(c);
            count += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }

        return count;
    }

    private static object? ToJson(Renderer renderer, Bound a)
    {
        string? indent = null;
        if (a.Or(2, null) is not null)
        {
            indent = Markup.TextOf(a[2]) ?? Spaces(renderer, a.Count(2, 0));
        }

        (string, string)? separators = null;
        if (a.Or(3, null) is { } pair)
        {
            List<object?> parts = Iteration.ToList(renderer, pair);
            separators = parts is [var item, var key] && Markup.TextOf(item) is { } itemText && Markup.TextOf(key) is { } keyText
                ? (itemText, keyText)
                : throw Errors.Type("separators of tojson must be two strings");
        }

        return JsonText.Write(renderer, a[0], a.IsTrue(1), indent, separators, a.IsTrue(4));
    }
}
