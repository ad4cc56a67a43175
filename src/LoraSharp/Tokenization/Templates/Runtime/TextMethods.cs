using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's methods of str.</summary>
internal static class TextMethods
{
    private static readonly Signature None = new("str method", 0);
    private static readonly Signature OneText = new("str method", 1, "value") { IsPositionalOnly = true };
    private static readonly Signature Chars = new("strip", 0, "chars") { IsPositionalOnly = true };
    private static readonly Signature Padding = new("ljust", 1, "width", "fillchar") { IsPositionalOnly = true };
    private static readonly Signature Encoding = new("encode", 0, "encoding", "errors");
    private static readonly Signature ReplaceSignature = new("replace", 2, "old", "new", "count");
    private static readonly Signature ExpandSignature = new("expandtabs", 0, "tabsize");

    private static readonly Dictionary<string, Method> All = new(StringComparer.Ordinal)
    {
        ["capitalize"] = Map(Casing.Capitalize),
        ["casefold"] = Map(Casing.Fold),
        ["lower"] = Map(Casing.Lower),
        ["upper"] = Map(Casing.Upper),
        ["title"] = Map(Casing.Title),
        ["swapcase"] = Map(Casing.Swap),
        ["isalnum"] = Every(TextPredicates.IsAlphanumeric),
        ["isalpha"] = Every(TextPredicates.IsAlpha),
        ["isdecimal"] = Every(TextPredicates.IsDecimal),
        ["isdigit"] = Every(TextPredicates.IsDigit),
        ["isnumeric"] = Every(TextPredicates.IsNumeric),
        ["isspace"] = Every(TextPredicates.IsSpace),
        ["isascii"] = Test(text => !text.AsSpan().ContainsAnyExceptInRange('\0', '\x7f')),
        ["isprintable"] = Test(text => text.Length == 0 || TextPredicates.All(text, TextPredicates.IsPrintable)),
        ["isidentifier"] = Test(TextPredicates.IsIdentifier),
        ["islower"] = Test(IsLower),
        ["isupper"] = Test(IsUpper),
        ["istitle"] = Test(IsTitle),
        ["strip"] = Strip((text, chars) => StripEnd(StripStart(text, chars), chars)),
        ["lstrip"] = Strip(StripStart),
        ["rstrip"] = Strip(StripEnd),
        ["center"] = Pad((missing, width) => (missing / 2) + (missing & width & 1)),
        ["ljust"] = Pad((_, _) => 0),
        ["rjust"] = Pad((missing, _) => missing),
        ["zfill"] = (renderer, self, arguments) => ZeroFill(renderer, Self(self), OneText.Bind(arguments).Count(0, 0)),
        ["encode"] = (_, self, arguments) => Encode(Self(self), Encoding.Bind(arguments)),
        ["expandtabs"] = (renderer, self, arguments) => ExpandTabs(renderer, Self(self), ExpandSignature.Bind(arguments).Count(0, 8)),
        ["format"] = (renderer, self, arguments) => BraceFormat.Format(renderer, self, arguments),
        ["format_map"] = (renderer, self, arguments) => FormatMap(renderer, self, OneText.Bind(arguments)[0]),
        ["join"] = (renderer, self, arguments) => Join(renderer, Self(self), OneText.Bind(arguments)[0]),
        ["replace"] = (renderer, self, arguments) => Replace(renderer, Self(self), ReplaceSignature.Bind(arguments)),
        ["removeprefix"] = (_, self, arguments) => RemovePrefix(Self(self), OneText.Bind(arguments).Text(0)),
        ["removesuffix"] = (_, self, arguments) => RemoveSuffix(Self(self), OneText.Bind(arguments).Text(0)),
        ["startswith"] = TextSearch.Affix(isSuffix: false),
        ["endswith"] = TextSearch.Affix(isSuffix: true),
        ["count"] = TextSearch.Count,
        ["find"] = TextSearch.Find(fromEnd: false, mustExist: false),
        ["rfind"] = TextSearch.Find(fromEnd: true, mustExist: false),
        ["index"] = TextSearch.Find(fromEnd: false, mustExist: true),
        ["rindex"] = TextSearch.Find(fromEnd: true, mustExist: true),
        ["partition"] = TextSplitting.Partition(fromEnd: false),
        ["rpartition"] = TextSplitting.Partition(fromEnd: true),
        ["split"] = TextSplitting.Split(fromEnd: false),
        ["rsplit"] = TextSplitting.Split(fromEnd: true),
        ["splitlines"] = TextSplitting.SplitLines,
        ["maketrans"] = (renderer, _, arguments) => TextTranslation.MakeTable(renderer, arguments),
        ["translate"] = (renderer, self, arguments) => TextTranslation.Translate(renderer, Self(self), OneText.Bind(arguments)[0]),
    };

    public static Method? Find(string name) => All.GetValueOrDefault(name);

    /// <summary>The methods of safe HTML give safe HTML; a few are its own.</summary>
    public static Method? FindForMarkup(string name)
    {
        switch (name)
        {
            case "striptags":
                return (_, self, _) => Html.StripTags(Self(self));
            case "unescape":
                return (_, self, _) => Html.Unescape(Self(self));
            case "format" or "format_map" or "encode":
                return Find(name);
            default:
                return Find(name) is { } method
                    ? (renderer, self, arguments) => ToMarkup(method(renderer, self, EscapeArguments(renderer, name, arguments)))
                    : null;
        }
    }

    public static string Join(Renderer renderer, string separator, object? items)
    {
        var text = new TemplateOutput(renderer);
        int index = 0;
        foreach (object? item in Iteration.Of(renderer, items))
        {
            text.Append(index > 0 ? separator : "");
            text.Append(Markup.TextOf(item) ?? throw Errors.Type($"sequence item {index}: expected str instance, {TypeNames.Of(item)} found"));
            index++;
        }

        return text.ToString();
    }

    public static string Replace(Renderer renderer, string text, string old, string replacement, int count)
    {
        if (count < 0)
        {
            count = int.MaxValue;
        }

        renderer.ChargeSearch(text.Length, old.Length);
        var result = new TemplateOutput(renderer);
        int position = 0;
        if (old.Length == 0)
        {
            // An empty text is found before each character and at the end.
            for (; count > 0 && position < text.Length; count--)
            {
                int size = CodePoints.SizeAt(text, position);
                result.Append(replacement);
                result.Append(text.Substring(position, size));
                position += size;
            }

            result.Append(text[position..]);
            result.Append(count > 0 ? replacement : "");
            return result.ToString();
        }

        for (; count > 0; count--)
        {
            int found = text.IndexOf(old, position, StringComparison.Ordinal);
            if (found < 0)
            {
                break;
            }

            result.Append(text[position..found]);
            result.Append(replacement);
            position = found + old.Length;
        }

        result.Append(text[position..]);
        return result.ToString();
    }

    public static string StripBoth(string text, string? chars) => StripEnd(StripStart(text, chars), chars);

    public static bool IsLower(string text) => CodePoints.Of(text).Any(TextPredicates.IsLower) && !CodePoints.Of(text).Any(c => TextPredicates.IsUpper(c) || TextPredicates.IsTitle(c));

    public static bool IsUpper(string text) => CodePoints.Of(text).Any(TextPredicates.IsUpper) && !CodePoints.Of(text).Any(c => TextPredicates.IsLower(c) || TextPredicates.IsTitle(c));

    public static string Center(Renderer renderer, string text, int width, string fill = " ")
    {
        int missing = width - CodePoints.Length(text);
        return PadWith(renderer, text, fill, missing, (missing / 2) + (missing & width & 1));
    }

    private static string Self(object self) => Markup.TextOf(self)!;

    private static Method Map(Func<string, string> map) => (renderer, self, arguments) =>
    {
        None.Bind(arguments);
        string text = Self(self);
        renderer.ChargeText(text.Length);
        return map(text);
    };

    private static Method Test(Func<string, bool> test) => (renderer, self, arguments) =>
    {
        None.Bind(arguments);
        renderer.ChargeItems(Self(self).Length / 4);
        return test(Self(self));
    };

    private static Method Every(Func<int, bool> predicate) => Test(text => TextPredicates.All(text, predicate));

    private static Method Strip(Func<string, string?, string> strip) => (renderer, self, arguments) =>
    {
        Bound bound = Chars.Bind(arguments);
        renderer.ChargeItems(Self(self).Length / 4);
        return strip(Self(self), bound.TextOrNone(0));
    };

    private static Method Pad(Func<int, int, int> before) => (renderer, self, arguments) =>
    {
        Bound bound = Padding.Bind(arguments);
        int width = bound.Count(0, 0);
        string fill = bound.Has(1) ? bound.Text(1) : " ";
        if (CodePoints.Length(fill) != 1)
        {
            throw Errors.Type("The fill character must be exactly one character long");
        }

        int missing = width - CodePoints.Length(Self(self));
        return PadWith(renderer, Self(self), fill, missing, before(missing, width));
    };

    private static string PadWith(Renderer renderer, string text, string fill, int missing, int before)
    {
        if (missing <= 0)
        {
            return text;
        }

        renderer.ChargeText(text.Length + ((long)missing * fill.Length));
        var result = new StringBuilder();
        result.Insert(0, fill, before).Append(text);
        return result.Append(new StringBuilder().Insert(0, fill, missing - before)).ToString();
    }

    private static string ZeroFill(Renderer renderer, string text, int width)
    {
        int missing = width - CodePoints.Length(text);
        if (missing <= 0)
        {
            return text;
        }

        renderer.ChargeText(text.Length + (long)missing);
        int sign = text.StartsWith('-') || text.StartsWith('+') ? 1 : 0;
        return text[..sign] + new string('0', missing) + text[sign..];
    }

    private static string StripStart(string text, string? chars)
    {
        Func<int, bool> isStripped = Stripped(chars);
        int start = 0;
        while (start < text.Length && isStripped(CodePoints.At(text, start)))
        {
            start += CodePoints.SizeAt(text, start);
        }

        return text[start..];
    }

    private static string StripEnd(string text, string? chars)
    {
        Func<int, bool> isStripped = Stripped(chars);
        int end = text.Length;
        while (end > 0)
        {
            int size = end > 1 && char.IsSurrogatePair(text[end - 2], text[end - 1]) ? 2 : 1;
            if (!isStripped(CodePoints.At(text, end - size)))
            {
                break;
            }

            end -= size;
        }

        return text[..end];
    }

    private static Func<int, bool> Stripped(string? chars)
    {
        if (chars is null)
        {
            return TextPredicates.IsSpace;
        }

        HashSet<int> set = [.. CodePoints.Of(chars)];
        return set.Contains;
    }

    private static bool IsTitle(string text)
    {
        bool inWord = false;
        bool hasWord = false;
        foreach (int c in CodePoints.Of(text))
        {
            bool isCapital = TextPredicates.IsUpper(c) || TextPredicates.IsTitle(c);
            if (isCapital == inWord && (isCapital || TextPredicates.IsLower(c)))
            {
                return false;
            }

            inWord = isCapital || TextPredicates.IsLower(c);
            hasWord |= inWord;
        }

        return hasWord;
    }

    private static JinjaBytes Encode(string text, Bound bound)
    {
        string encoding = (bound.Has(0) ? bound.Text(0) : "utf-8").ToLowerInvariant().Replace('_', '-');
        int highest = encoding switch
        {
            "utf-8" or "utf8" => 0x10FFFF,
            "ascii" or "us-ascii" => 0x7F,
            "latin-1" or "latin1" or "iso-8859-1" => 0xFF,
            _ => throw new TemplateException("LookupError", $"unknown encoding: {encoding} (utf-8, ascii and latin-1 are known)"),
        };
        if (highest == 0x10FFFF)
        {
            return new JinjaBytes(System.Text.Encoding.UTF8.GetBytes(text));
        }

        string errors = bound.Has(1) ? bound.Text(1) : "strict";
        var bytes = new List<byte>(text.Length);
        foreach (int c in CodePoints.Of(text))
        {
            if (c <= highest)
            {
                bytes.Add((byte)c);
            }
            else if (errors == "replace")
            {
                bytes.Add((byte)'?');
            }
            else if (errors != "ignore")
            {
                throw new TemplateException("UnicodeEncodeError", $"'{encoding}' codec can't encode the character U+{c:X4}");
            }
        }

        return new JinjaBytes([.. bytes]);
    }

    private static string ExpandTabs(Renderer renderer, string text, int size)
    {
        var result = new TemplateOutput(renderer);
        int column = 0;
        foreach (string c in CodePoints.Characters(text))
        {
            if (c == "\t")
            {
                int spaces = size > 0 ? size - (column % size) : 0;
                renderer.ChargeText(spaces);
                result.Append(new string(' ', spaces));
                column += spaces;
            }
            else
            {
                result.Append(c);
                column = c is "\n" or "\r" ? 0 : column + 1;
            }
        }

        return result.ToString();
    }

    private static object FormatMap(Renderer renderer, object self, object? mapping)
    {
        var named = new OrderedDictionary<string, object?>(StringComparer.Ordinal);
        Spreading.AddNamed(named, mapping);
        return BraceFormat.Format(renderer, self, new CallArguments([], named));
    }

    private static string Replace(Renderer renderer, string text, Bound bound) => Replace(renderer, text, bound.Text(0), bound.Text(1), bound.Count(2, -1));

    private static string RemovePrefix(string text, string prefix) => text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text;

    private static string RemoveSuffix(string text, string suffix) => suffix.Length > 0 && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text;

    private static object? ToMarkup(object? value) => value switch
    {
        string text => new Markup(text),
        JinjaList list => new JinjaList([.. list.Items.Select(ToMarkup)]),
        JinjaTuple tuple => new JinjaTuple([.. tuple.Items.Select(ToMarkup)]),
        _ => value,
    };

    /// <summary>Text that goes into safe HTML is escaped on the way.</summary>
    private static CallArguments EscapeArguments(Renderer renderer, string method, CallArguments arguments) => method switch
    {
        "join" when arguments.Positional.Count == 1 => new CallArguments(
            [new JinjaList([.. Iteration.Of(renderer, arguments.Positional[0]).Select(i => (object?)Markup.Escape(renderer, i))])]),
        "replace" => new CallArguments([.. arguments.Positional.Select((a, i) => i < 2 && Markup.TextOf(a) is not null ? Markup.Escape(renderer, a) : a)], arguments.Named),
        _ => arguments,
    };
}
