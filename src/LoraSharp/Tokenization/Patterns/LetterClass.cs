using System.Globalization;
using System.Runtime.CompilerServices;

namespace LoraSharp.Tokenization;

/// <summary>The four classes that the split patterns of byte-level tokenizers tell apart.</summary>
internal enum LetterClass : byte
{
    /// <summary>Anything else: <c>[^\s\p{L}\p{N}]</c>.</summary>
    Other,

    /// <summary><c>\p{L}</c></summary>
    Letter,

    /// <summary><c>\p{N}</c></summary>
    Number,

    /// <summary><c>\s</c></summary>
    Space,
}

internal static class LetterClasses
{
    private static readonly LetterClass[] s_table = MakeTable();

    /// <summary>The class of the code point at <paramref name="index"/>, and its length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LetterClass At(ReadOnlySpan<char> text, int index, out int length)
    {
        char c = text[index];
        if (!char.IsSurrogate(c))
        {
            length = 1;
            return s_table[c];
        }

        return OfPair(text, index, out length);
    }

    private static LetterClass OfPair(ReadOnlySpan<char> text, int index, out int length) =>
        Of(CharUnicodeInfo.GetUnicodeCategory(UnicodeText.CodePointAt(text, index, out length)));

    private static LetterClass Of(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => LetterClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => LetterClass.Number,
        _ => LetterClass.Other,
    };

    private static LetterClass[] MakeTable()
    {
        var table = new LetterClass[0x10000];
        for (int c = 0; c < table.Length; c++)
        {
            table[c] = char.IsWhiteSpace((char)c) ? LetterClass.Space : Of(CharUnicodeInfo.GetUnicodeCategory((char)c));
        }

        return table;
    }
}
