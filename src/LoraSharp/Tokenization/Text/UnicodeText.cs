using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>The character classes that tokenizers speak of, by code point.</summary>
internal static class UnicodeText
{
    /// <summary>
    /// The code point that begins at <paramref name="index"/> and its length in UTF-16 units. Lone surrogates do not occur: see
    /// <see cref="WithoutLoneSurrogates"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int CodePointAt(ReadOnlySpan<char> text, int index, out int length)
    {
        char c = text[index];
        if (char.IsHighSurrogate(c) && index + 1 < text.Length)
        {
            length = 2;
            return char.ConvertToUtf32(c, text[index + 1]);
        }

        length = 1;
        return c;
    }

    /// <summary>The text with every lone surrogate replaced by U+FFFD, as an encoder to UTF-8 does.</summary>
    public static string WithoutLoneSurrogates(string text)
    {
        int first = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF');
        if (first < 0)
        {
            return text;
        }

        StringBuilder? fixedText = null;
        for (int i = first; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                (fixedText ??= new StringBuilder(text))[i] = '\uFFFD';
            }
        }

        return fixedText?.ToString() ?? text;
    }

    public static bool IsWhiteSpace(int codePoint) => codePoint <= 0xFFFF && char.IsWhiteSpace((char)codePoint);

    public static UnicodeCategory Category(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint);

    /// <summary>Categories Nd, Nl, No.</summary>
    public static bool IsNumeric(int codePoint) =>
        Category(codePoint) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>ASCII punctuation and symbols, and every category P.</summary>
    public static bool IsPunctuation(int codePoint) =>
        codePoint < 128
            ? codePoint is (>= '!' and <= '/') or (>= ':' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~')
            : Category(codePoint) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    /// <summary>Categories Mn, Mc, Me.</summary>
    public static bool IsMark(int codePoint) => Category(codePoint) is >= UnicodeCategory.NonSpacingMark and <= UnicodeCategory.EnclosingMark;

    /// <summary>The regular expression class <c>\w</c>: alphabetic, mark, decimal number, connector punctuation, join control.</summary>
    public static bool IsWord(int codePoint)
    {
        if (codePoint < 128)
        {
            return codePoint is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '_';
        }

        return Category(codePoint) switch
        {
            <= UnicodeCategory.OtherLetter => true,
            >= UnicodeCategory.NonSpacingMark and <= UnicodeCategory.EnclosingMark => true,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation => true,
            // The only alphabetic symbols: circled, squared and negative Latin letters.
            UnicodeCategory.OtherSymbol =>
                codePoint is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189),
            _ => codePoint is 0x200C or 0x200D,
        };
    }

    /// <summary>CJK ideographs as BERT counts them (no kana, no hangul).</summary>
    public static bool IsChinese(int codePoint) => codePoint is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

    /// <summary>
    /// The lower case of one code point, without regard to its neighbours; only U+0130 has two characters (i and U+0307, which goes to
    /// <paramref name="second"/>).
    /// </summary>
    public static int ToLower(int codePoint, out int second)
    {
        second = 0;
        if (codePoint == 0x130)
        {
            second = 0x307;
            return 'i';
        }

        return codePoint < 128 ? char.ToLowerInvariant((char)codePoint) : Rune.ToLowerInvariant(new Rune(codePoint)).Value;
    }

    public static int Utf8Length(int codePoint) => codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}
