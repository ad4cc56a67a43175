using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>Drops characters and maps the others one to one.</summary>
internal sealed class FilterNormalizer(Func<int, bool> keep, Func<int, int>? map = null) : Normalizer
{
    /// <summary>Drops every combining mark (categories Mn, Mc, Me).</summary>
    public static FilterNormalizer StripAccents { get; } = new(c => !UnicodeText.IsMark(c));

    /// <summary>SentencePiece's NMT rules: drops control characters, turns other invisible ones into spaces.</summary>
    public static FilterNormalizer Nmt { get; } = new(
        c => c is not ((>= 1 and <= 8) or 0xB or (>= 0xE and <= 0x1F) or 0x7F or 0x8F or 0x9F),
        c => c is 9 or 0xA or 0xC or 0xD or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD ? ' ' : c);

    public override void Apply(NormalizedText text)
    {
        var edits = new TextEdits();
        int removedAtStart = 0;
        foreach (Rune rune in text.Span.EnumerateRunes())
        {
            if (keep(rune.Value))
            {
                edits.Add(map is null ? rune.Value : map(rune.Value), 0);
            }
            else if (edits.Count > 0)
            {
                edits.AddToLast(-1);
            }
            else
            {
                removedAtStart++;
            }
        }

        edits.Apply(text, removedAtStart);
    }
}
