using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>Lower case by code point.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        var edits = new TextEdits();
        foreach (Rune rune in text.Span.EnumerateRunes())
        {
            edits.Add(UnicodeText.ToLower(rune.Value, out int second), 0);
            if (second != 0)
            {
                edits.Add(second, 1);
            }
        }

        edits.Apply(text);
    }
}
