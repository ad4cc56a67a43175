using System.Net;
using System.Text.RegularExpressions;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The filter urlize: addresses in a text become links. The patterns run without backtracking, so that no text can make them slow.</summary>
internal static class Links
{
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    private static readonly Regex Address = new(
        @"^(?:(?:https?://|www\.)(?:(?:[\w%-]+\.)+)?(?:[a-z]{2,63}|xn--[\w%]{2,59})|(?:[\w%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)|"
        + @"https?://(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\]))(?::\d{1,5})?(?:[/?#]\S*)?$",
        Options | RegexOptions.IgnoreCase);

    private static readonly Regex Mail = new(@"^\S+@\w[\w.-]*\.\w+$", Options);
    private static readonly Regex Word = new(@"\S+", Options);
    private static readonly Regex Head = new(@"^(?:[(<]|&lt;)+", Options);
    private static readonly Regex Tail = new(@"(?:[)>.,\n]|&gt;)+$", Options);
    private static readonly (string Open, string Close)[] Pairs = [("(", ")"), ("<", ">"), ("&lt;", "&gt;")];

    public static string Urlize(string escaped, int? limit, string rel, string? target, IReadOnlyList<string> schemes)
    {
        string attributes = (rel.Length > 0 ? $" rel=\"{WebUtility.HtmlEncode(rel)}\"" : "") + (target is null ? "" : $" target=\"{WebUtility.HtmlEncode(target)}\"");
        return Word.Replace(escaped, word => Link(word.Value, limit, attributes, schemes));
    }

    private static string Link(string word, int? limit, string attributes, IReadOnlyList<string> schemes)
    {
        string head = Head.Match(word).Value;
        string middle = word[head.Length..];
        string tail = Tail.Match(middle).Value;
        middle = middle[..^tail.Length];
        foreach ((string open, string close) in Pairs)
        {
            Balance(ref middle, ref tail, open, close);
        }

        string shown = limit is { } count && CodePoints.Length(middle) > count ? CodePoints.Slice(middle, 0, count) + "..." : middle;
        if (Address.IsMatch(middle))
        {
            bool hasScheme = middle.StartsWith("https://", StringComparison.Ordinal) || middle.StartsWith("http://", StringComparison.Ordinal);
            return $"{head}<a href=\"{(hasScheme ? "" : "https://")}{middle}\"{attributes}>{shown}</a>{tail}";
        }

        if (middle.StartsWith("mailto:", StringComparison.Ordinal) && Mail.IsMatch(middle[7..]))
        {
            return $"{head}<a href=\"{middle}\">{middle[7..]}</a>{tail}";
        }

        bool isMail = middle.Contains('@', StringComparison.Ordinal) && !middle.StartsWith("www.", StringComparison.Ordinal) && !middle.StartsWith('@')
            && !middle.Contains(':', StringComparison.Ordinal) && Mail.IsMatch(middle);
        if (isMail)
        {
            return $"{head}<a href=\"mailto:{middle}\">{middle}</a>{tail}";
        }

        return schemes.Any(s => middle != s && middle.StartsWith(s, StringComparison.Ordinal))
            ? $"{head}<a href=\"{middle}\"{attributes}>{middle}</a>{tail}"
            : word;
    }

    /// <summary>Brackets that the address opens belong to it as far as the tail closes them.</summary>
    private static void Balance(ref string middle, ref string tail, string open, string close)
    {
        int opened = Occurrences(middle, open);
        if (opened <= Occurrences(middle, close))
        {
            return;
        }

        for (int i = Math.Min(opened, Occurrences(tail, close)); i > 0; i--)
        {
            int end = tail.IndexOf(close, StringComparison.Ordinal) + close.Length;
            middle += tail[..end];
            tail = tail[end..];
        }
    }

    private static int Occurrences(string text, string part) => (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;
}
