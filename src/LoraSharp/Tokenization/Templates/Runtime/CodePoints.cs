using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Texts counted and indexed in code points.</summary>
internal static class CodePoints
{
    private static readonly string[] AsciiCharacters = [.. Enumerable.Range(0, 128).Select(c => ((char)c).ToString())];

    public static int Length(ReadOnlySpan<char> text)
    {
        Renderer.CountScan(text.Length);
        int pairs = 0;
        int i = text.IndexOfAnyInRange('\uD800', '\uDBFF');
        while (i >= 0 && i + 1 < text.Length)
        {
            bool isPair = char.IsLowSurrogate(text[i + 1]);
            pairs += isPair ? 1 : 0;
            int from = i + (isPair ? 2 : 1);
            int next = text[from..].IndexOfAnyInRange('\uD800', '\uDBFF');
            i = next < 0 ? -1 : from + next;
        }

        return text.Length - pairs;
    }

    /// <summary>Whether units and code points are the same in a text.</summary>
    public static bool IsSimple(ReadOnlySpan<char> text)
    {
        Renderer.CountScan(text.Length);
        return !text.ContainsAnyInRange('\uD800', '\uDBFF');
    }

    /// <summary>The length in units of the code point at an index.</summary>
    public static int SizeAt(string text, int index) => index + 1 < text.Length && char.IsSurrogatePair(text[index], text[index + 1]) ? 2 : 1;

    public static int At(string text, int index) => SizeAt(text, index) == 2 ? char.ConvertToUtf32(text, index) : text[index];

    public static IEnumerable<int> Of(string text)
    {
        for (int i = 0; i < text.Length; i += SizeAt(text, i))
        {
            yield return At(text, i);
        }
    }

    public static IEnumerable<string> Characters(string text)
    {
        for (int i = 0; i < text.Length;)
        {
            int size = SizeAt(text, i);
            yield return text[i] < 128 ? AsciiCharacters[text[i]] : text.Substring(i, size);
            i += size;
        }
    }

    /// <summary>The index in units of a code point's index, at most the text's length.</summary>
    public static int ToUnits(string text, int index)
    {
        if (IsSimple(text))
        {
            return Math.Min(index, text.Length);
        }

        int units = 0;
        for (; index > 0 && units < text.Length; index--)
        {
            units += SizeAt(text, units);
        }

        return units;
    }

    public static int FromUnits(string text, int units) => Length(text.AsSpan(0, units));

    /// <summary>The part between two indices in code points.</summary>
    public static string Slice(string text, int start, int stop)
    {
        if (stop <= start)
        {
            return "";
        }

        int from = ToUnits(text, start);
        return text[from..ToUnits(text, stop)];
    }

    public static void Append(StringBuilder text, int codePoint)
    {
        if (codePoint > 0xFFFF)
        {
            text.Append(char.ConvertFromUtf32(codePoint));
        }
        else
        {
            text.Append((char)codePoint);
        }
    }

    public static string ToText(int codePoint) => codePoint > 0xFFFF ? char.ConvertFromUtf32(codePoint) : ((char)codePoint).ToString();
}
