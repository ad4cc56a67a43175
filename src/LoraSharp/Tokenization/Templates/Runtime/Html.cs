using System.Net;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Tags, entities and the escapes of addresses.</summary>
internal static class Html
{
    /// <summary>Takes comments and tags away, makes one space of each run of white space, and decodes entities.</summary>
    public static string StripTags(string text)
    {
        string plain = Remove(Remove(text, "<!--", "-->"), "<", ">");
        return Unescape(string.Join(' ', plain.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    }

    public static string Unescape(string text) => WebUtility.HtmlDecode(text);

    /// <summary>Percent-encodes UTF-8; in a query a slash is encoded too and a space is a plus.</summary>
    public static string Quote(string text, bool forQuery)
    {
        var result = new StringBuilder(text.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            char c = (char)b;
            _ = char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '~' || (c == '/' && !forQuery) ? result.Append(c)
                : c == ' ' && forQuery ? result.Append('+')
                : result.Append('%').Append(b.ToString("X2", null));
        }

        return result.ToString();
    }

    private static string Remove(string text, string open, string close)
    {
        var result = new StringBuilder(text.Length);
        int position = 0;
        while (true)
        {
            int start = text.IndexOf(open, position, StringComparison.Ordinal);
            int end = start < 0 ? -1 : text.IndexOf(close, start + (open.Length > 1 ? 0 : open.Length), StringComparison.Ordinal);
            if (end < 0)
            {
                return result.Append(text, position, text.Length - position).ToString();
            }

            result.Append(text, position, start - position);
            position = end + close.Length;
        }
    }
}
