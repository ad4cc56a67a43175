using System.Globalization;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>BERT's: cleans, sets ideographs apart, strips accents, lower-cases; in this order, each if asked for.</summary>
internal sealed class BertNormalizer(bool cleanText, bool handleChinese, bool stripAccents, bool lowercase) : Normalizer
{
    private static readonly FilterNormalizer s_clean = new(c => c is not (0 or 0xFFFD) && !IsControl(c), c => UnicodeText.IsWhiteSpace(c) ? ' ' : c);
    private static readonly FilterNormalizer s_noAccents = new(c => UnicodeText.Category(c) != UnicodeCategory.NonSpacingMark);
    private static readonly UnicodeNormalizer s_decompose = new(NormalizationForm.FormD);
    private static readonly LowercaseNormalizer s_lowercase = new();

    public override void Apply(NormalizedText text)
    {
        if (Ascii.IsValid(text.Span) && ApplyToAscii(text))
        {
            return;
        }

        if (cleanText)
        {
            s_clean.Apply(text);
        }

        if (handleChinese)
        {
            SetIdeographsApart(text);
        }

        if (stripAccents)
        {
            s_decompose.Apply(text);
            s_noAccents.Apply(text);
        }

        if (lowercase)
        {
            s_lowercase.Apply(text);
        }
    }

    /// <summary>Most text is ASCII without control characters: then characters change one for one, or not at all.</summary>
    private bool ApplyToAscii(NormalizedText text)
    {
        char[] chars = text.Span.ToArray();
        foreach (ref char c in chars.AsSpan())
        {
            if (cleanText && (c < ' ' || c == '\x7F'))
            {
                if (c is not ('\t' or '\n' or '\r'))
                {
                    return false;
                }

                c = ' ';
            }
            else if (lowercase && char.IsAsciiLetterUpper(c))
            {
                c = (char)(c | 0x20);
            }
        }

        text.ReplaceUnits(chars);
        return true;
    }

    private static void SetIdeographsApart(NormalizedText text)
    {
        var edits = new TextEdits();
        foreach (Rune rune in text.Span.EnumerateRunes())
        {
            if (UnicodeText.IsChinese(rune.Value))
            {
                edits.Add(' ', 0);
                edits.Add(rune.Value, 1);
                edits.Add(' ', 1);
            }
            else
            {
                edits.Add(rune.Value, 0);
            }
        }

        edits.Apply(text);
    }

    private static bool IsControl(int codePoint) => codePoint is not ('\t' or '\n' or '\r') && UnicodeText.Category(codePoint)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse;
}
