using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's changes of case: full Unicode mappings, where one character may become several.</summary>
internal static class Casing
{
    private static readonly Dictionary<int, string> UpperMap = Read(CasingTables.Upper);
    private static readonly Dictionary<int, string> TitleMap = Read(CasingTables.Title);

    public static string Upper(string text) => Map(text, AppendUpper);

    public static string Fold(string text) => Map(text, AppendFolded);

    public static string Lower(string text)
    {
        if (!text.AsSpan().ContainsAny('\u03A3', '\u0130'))
        {
            return Map(text, (builder, c) => CodePoints.Append(builder, SimpleLower(c)));
        }

        var lower = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i += CodePoints.SizeAt(text, i))
        {
            AppendLower(lower, text, i);
        }

        return lower.ToString();
    }

    public static string Capitalize(string text)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i += CodePoints.SizeAt(text, i))
        {
            if (i == 0)
            {
                AppendTitle(result, CodePoints.At(text, 0));
            }
            else
            {
                AppendLower(result, text, i);
            }
        }

        return result.ToString();
    }

    /// <summary>The method <c>title</c>: a word begins after every character without case.</summary>
    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        bool inWord = false;
        for (int i = 0; i < text.Length; i += CodePoints.SizeAt(text, i))
        {
            int c = CodePoints.At(text, i);
            if (inWord)
            {
                AppendLower(result, text, i);
            }
            else
            {
                AppendTitle(result, c);
            }

            inWord = TextPredicates.IsCased(c);
        }

        return result.ToString();
    }

    public static string Swap(string text)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i += CodePoints.SizeAt(text, i))
        {
            int c = CodePoints.At(text, i);
            if (TextPredicates.IsUpper(c))
            {
                AppendLower(result, text, i);
            }
            else if (TextPredicates.IsLower(c))
            {
                AppendUpper(result, c);
            }
            else
            {
                CodePoints.Append(result, c);
            }
        }

        return result.ToString();
    }

    private static string Map(string text, Action<StringBuilder, int> append)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i += CodePoints.SizeAt(text, i))
        {
            append(result, CodePoints.At(text, i));
        }

        return result.ToString();
    }

    private static void AppendUpper(StringBuilder result, int c)
    {
        if (UpperMap.TryGetValue(c, out string? mapped))
        {
            result.Append(mapped);
        }
        else
        {
            CodePoints.Append(result, Simple(c, Rune.ToUpperInvariant));
        }
    }

    private static void AppendTitle(StringBuilder result, int c)
    {
        if (TitleMap.TryGetValue(c, out string? mapped))
        {
            result.Append(mapped);
        }
        else if (c is >= 0x10D0 and <= 0x10FF)
        {
            // Georgian letters have capitals, but no title case.
            CodePoints.Append(result, c);
        }
        else
        {
            AppendUpper(result, c);
        }
    }

    private static void AppendFolded(StringBuilder result, int c)
    {
        switch (c)
        {
            case 0x130:
                result.Append("i\u0307");
                break;
            case 0x131:
                result.Append('\u0131');
                break;
            case 0x1E9E:
                result.Append("ss");
                break;
            // Cherokee folds to its capitals.
            case >= 0x13A0 and <= 0x13F5:
                CodePoints.Append(result, c);
                break;
            case >= 0x13F8 and <= 0x13FD:
                CodePoints.Append(result, c - 8);
                break;
            case >= 0xAB70 and <= 0xABBF:
                CodePoints.Append(result, c - 0xAB70 + 0x13A0);
                break;
            default:
                int start = result.Length;
                AppendUpper(result, c);
                string upper = result.ToString(start, result.Length - start);
                result.Length = start;
                foreach (int u in CodePoints.Of(upper))
                {
                    CodePoints.Append(result, SimpleLower(u));
                }

                break;
        }
    }

    private static void AppendLower(StringBuilder result, string text, int index)
    {
        int c = CodePoints.At(text, index);
        if (c == 0x130)
        {
            result.Append("i\u0307");
        }
        else
        {
            CodePoints.Append(result, c == 0x3A3 && IsFinalSigma(text, index) ? 0x3C2 : SimpleLower(c));
        }
    }

    private static bool IsFinalSigma(string text, int index)
    {
        int i = index - 1;
        while (i >= 0 && TextPredicates.IsCaseIgnorable(Before(text, i)))
        {
            i -= i > 0 && char.IsSurrogatePair(text[i - 1], text[i]) ? 2 : 1;
        }

        if (i < 0 || !TextPredicates.IsCased(Before(text, i)))
        {
            return false;
        }

        i = index + 1;
        while (i < text.Length && TextPredicates.IsCaseIgnorable(CodePoints.At(text, i)))
        {
            i += CodePoints.SizeAt(text, i);
        }

        return i >= text.Length || !TextPredicates.IsCased(CodePoints.At(text, i));
    }

    private static int Before(string text, int last) =>
        last > 0 && char.IsSurrogatePair(text[last - 1], text[last]) ? char.ConvertToUtf32(text, last - 1) : text[last];

    private static int SimpleLower(int c) => Simple(c, Rune.ToLowerInvariant);

    private static int Simple(int c, Func<Rune, Rune> map) => Rune.TryCreate(c, out Rune rune) ? map(rune).Value : c;

    private static Dictionary<int, string> Read(string table) =>
        table.Split(' ').ToDictionary(entry => (int)entry[0], entry => entry[1..]);
}
