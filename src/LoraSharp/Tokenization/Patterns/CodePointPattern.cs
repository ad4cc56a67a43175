namespace LoraSharp.Tokenization;

/// <summary>Matches each code point of a class by itself.</summary>
internal sealed class CodePointPattern(Func<int, bool> isMatch) : TextPattern
{
    public override void FindAll(ReadOnlySpan<char> text, IntBuffer matches)
    {
        for (int i = 0; i < text.Length;)
        {
            int codePoint = UnicodeText.CodePointAt(text, i, out int length);
            if (isMatch(codePoint))
            {
                matches.Add(i);
                matches.Add(i + length);
            }

            i += length;
        }
    }
}
