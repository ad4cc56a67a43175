using System.Globalization;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's classes of characters.</summary>
internal static class TextPredicates
{
    // Letters and other characters that count as lower or upper case without being of the categories Ll and Lu.
    private static readonly (int First, int Last)[] OtherLower =
    [
        (0xAA, 0xAA), (0xBA, 0xBA), (0x2B0, 0x2B8), (0x2C0, 0x2C1), (0x2E0, 0x2E4), (0x345, 0x345), (0x37A, 0x37A), (0x1D2C, 0x1D6A), (0x1D78, 0x1D78),
        (0x1D9B, 0x1DBF), (0x2071, 0x2071), (0x207F, 0x207F), (0x2090, 0x209C), (0x2170, 0x217F), (0x24D0, 0x24E9), (0x2C7C, 0x2C7D), (0xA69C, 0xA69D),
        (0xA770, 0xA770), (0xA7F8, 0xA7F9), (0xAB5C, 0xAB5F), (0x10780, 0x10780), (0x10783, 0x10785), (0x10787, 0x107B0), (0x107B2, 0x107BA),
    ];

    private static readonly (int First, int Last)[] OtherUpper =
        [(0x2160, 0x216F), (0x24B6, 0x24CF), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)];

    // Ideographs that are numerals.
    private static readonly HashSet<int> NumericIdeographs =
    [
        0xF33, 0x3405, 0x3483, 0x382A, 0x3B4D, 0x4E00, 0x4E03, 0x4E07, 0x4E09, 0x4E5D, 0x4E8C, 0x4E94, 0x4E96, 0x4EBF, 0x4EC0, 0x4EDF, 0x4EE8, 0x4F0D, 0x4F70,
        0x5104, 0x5146, 0x5169, 0x516B, 0x516D, 0x5341, 0x5343, 0x5344, 0x5345, 0x534C, 0x53C1, 0x53C2, 0x53C3, 0x53C4, 0x56DB, 0x58F1, 0x58F9, 0x5E7A, 0x5EFE,
        0x5EFF, 0x5F0C, 0x5F0D, 0x5F0E, 0x5F10, 0x62FE, 0x634C, 0x67D2, 0x6F06, 0x7396, 0x767E, 0x8086, 0x842C, 0x8CAE, 0x8CB3, 0x8D30, 0x9621, 0x9646, 0x964C,
        0x9678, 0x96F6, 0x20001, 0x20064, 0x200E2, 0x20121, 0x2092A, 0x20983, 0x2098C, 0x2099C, 0x20AEA, 0x20AFD, 0x20B19, 0x22390, 0x22998, 0x23B1B, 0x2626D,
    ];

    public static bool IsSpace(int c) => c switch
    {
        <= 0x20 => c is (>= 9 and <= 13) or (>= 0x1C and <= 0x20),
        < 0x1680 => c is 0x85 or 0xA0,
        _ => c is 0x1680 or (>= 0x2000 and <= 0x200A) or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x3000,
    };

    public static ReadOnlySpan<char> TrimEndPython(this ReadOnlySpan<char> text)
    {
        int end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[..end];
    }

    public static ReadOnlySpan<char> TrimStartPython(this ReadOnlySpan<char> text)
    {
        int start = 0;
        while (start < text.Length && IsSpace(text[start]))
        {
            start++;
        }

        return text[start..];
    }

    public static string TrimPython(this string text) => text.AsSpan().TrimEndPython().TrimStartPython().ToString();

    public static bool IsAlpha(int c) => Category(c) is
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    public static bool IsDecimal(int c) => Category(c) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(int c) => c < 0x80 ? c is >= '0' and <= '9' : CharUnicodeInfo.GetDigitValue(CodePoints.ToText(c), 0) >= 0;

    public static bool IsNumeric(int c) => c < 0x80
        ? c is >= '0' and <= '9'
        : NumericIdeographs.Contains(c) || !CharUnicodeInfo.GetNumericValue(CodePoints.ToText(c), 0).Equals(-1.0);

    public static bool IsAlphanumeric(int c) => IsAlpha(c) || IsDecimal(c) || IsDigit(c) || IsNumeric(c);

    public static bool IsLower(int c) => Category(c) == UnicodeCategory.LowercaseLetter || IsIn(OtherLower, c);

    public static bool IsUpper(int c) => Category(c) == UnicodeCategory.UppercaseLetter || IsIn(OtherUpper, c);

    public static bool IsTitle(int c) => Category(c) == UnicodeCategory.TitlecaseLetter;

    public static bool IsCased(int c) => IsLower(c) || IsUpper(c) || IsTitle(c);

    /// <summary>Characters that a final sigma is recognised across.</summary>
    public static bool IsCaseIgnorable(int c) => c is '\'' or '.' or ':' or 0xB7 or 0x2018 or 0x2019 or 0x2024 or 0x2027 || Category(c) is
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;

    public static bool IsPrintable(int c) => c is >= 0x20 and < 0x7F || (c >= 0xA0 && Category(c) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator));

    /// <summary>Characters that the lexer takes for a part of a name, valid there or not.</summary>
    public static bool IsWordCharacter(int c) => c == '_' || (c < 0x80 ? char.IsAsciiLetterOrDigit((char)c) : IsAlphanumeric(c) || IsIdentifierPart(c));

    public static bool IsIdentifier(string name)
    {
        bool first = true;
        foreach (int c in CodePoints.Of(name))
        {
            if (!(first ? c == '_' || IsAlpha(c) || Category(c) == UnicodeCategory.LetterNumber : IsIdentifierPart(c)))
            {
                return false;
            }

            first = false;
        }

        return !first;
    }

    /// <summary>Whether a text has a character of a kind and no other.</summary>
    public static bool All(string text, Func<int, bool> predicate) => text.Length > 0 && CodePoints.Of(text).All(predicate);

    private static bool IsIdentifierPart(int c) => c == 0xB7 || IsAlpha(c) || Category(c) is
        UnicodeCategory.LetterNumber or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation;

    private static UnicodeCategory Category(int c) => CharUnicodeInfo.GetUnicodeCategory(c);

    private static bool IsIn((int First, int Last)[] ranges, int c) => Array.Exists(ranges, r => c >= r.First && c <= r.Last);
}
