namespace LoraSharp.Tokenization;

/// <summary>Matches a string exactly. The empty string matches nowhere.</summary>
internal sealed class LiteralPattern(string literal) : TextPattern
{
    public override void FindAll(ReadOnlySpan<char> text, IntBuffer matches)
    {
        if (literal.Length == 0)
        {
            return;
        }

        int at = 0;
        while (text[at..].IndexOf(literal) is >= 0 and int found)
        {
            matches.Add(at + found);
            at += found + literal.Length;
            matches.Add(at);
        }
    }
}
