namespace LoraSharp.Tokenization;

/// <summary>The pattern <c>\w+|[^\w\s]+</c> of the Whitespace pre-tokenizer.</summary>
internal sealed class WordPattern : TextPattern
{
    public override void FindAll(ReadOnlySpan<char> text, IntBuffer matches)
    {
        for (int i = 0; i < text.Length;)
        {
            int kind = Kind(UnicodeText.CodePointAt(text, i, out int length));
            int start = i;
            i += length;
            while (i < text.Length && Kind(UnicodeText.CodePointAt(text, i, out length)) == kind)
            {
                i += length;
            }

            if (kind != 0)
            {
                matches.Add(start);
                matches.Add(i);
            }
        }
    }

    // A word character is never whitespace.
    private static int Kind(int codePoint) => UnicodeText.IsWord(codePoint) ? 2 : UnicodeText.IsWhiteSpace(codePoint) ? 0 : 1;
}
