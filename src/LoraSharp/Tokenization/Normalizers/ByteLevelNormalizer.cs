using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>Writes the text's UTF-8 bytes in the byte alphabet.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override void Apply(NormalizedText text) => Map(text);

    public static void Map(NormalizedText text)
    {
        var edits = new TextEdits();
        Span<byte> bytes = stackalloc byte[4];
        foreach (Rune rune in text.Span.EnumerateRunes())
        {
            int count = rune.EncodeToUtf8(bytes);
            for (int i = 0; i < count; i++)
            {
                edits.Add(ByteAlphabet.Chars[bytes[i]], i == 0 ? 0 : 1);
            }
        }

        edits.Apply(text);
    }
}
