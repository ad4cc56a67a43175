namespace LoraSharp.Tokenization;

/// <summary>The split pattern of Llama 3 (numbers of at most three digits) and of Qwen 2 (single digits), written out by hand.</summary>
internal sealed class Llama3Pattern(int maxDigits) : TextPattern
{
    public const string Llama3Source =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    public const string Qwen2Source =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public override void FindAll(ReadOnlySpan<char> text, IntBuffer matches)
    {
        // Every character is in some match, so that each match begins where the one before ends.
        for (int i = 0; i < text.Length;)
        {
            matches.Add(i);
            i = End(text, i);
            matches.Add(i);
        }
    }

    private int End(ReadOnlySpan<char> text, int start)
    {
        char c = text[start];
        if (c == '\'' && Contraction(text, start) is > 0 and int contraction)
        {
            return contraction;
        }

        LetterClass kind = LetterClasses.At(text, start, out int length);
        int next = start + length;
        if (kind == LetterClass.Letter)
        {
            return Gpt2Pattern.RunEnd(text, next, LetterClass.Letter);
        }

        if (kind == LetterClass.Number)
        {
            for (int digits = 1; digits < maxDigits && next < text.Length && LetterClasses.At(text, next, out length) == LetterClass.Number; digits++)
            {
                next += length;
            }

            return next;
        }

        LetterClass following = next < text.Length ? LetterClasses.At(text, next, out length) : LetterClass.Space;
        if (following == LetterClass.Letter && c is not ('\r' or '\n'))
        {
            return Gpt2Pattern.RunEnd(text, next + length, LetterClass.Letter);
        }

        if (kind == LetterClass.Other || (c == ' ' && following == LetterClass.Other))
        {
            int end = Gpt2Pattern.RunEnd(text, next, LetterClass.Other);
            while (end < text.Length && text[end] is '\r' or '\n')
            {
                end++;
            }

            return end;
        }

        // Whitespace: up to and with the last line break of the run, if it has one.
        int runEnd = Gpt2Pattern.RunEnd(text, next, LetterClass.Space);
        int lineBreak = text[start..runEnd].LastIndexOfAny('\r', '\n');
        return lineBreak >= 0 ? start + lineBreak + 1 : Gpt2Pattern.SpaceRunEnd(text, start);
    }

    private static int Contraction(ReadOnlySpan<char> text, int start)
    {
        if (start + 1 >= text.Length)
        {
            return 0;
        }

        // U+017F, the long s, is an s where case does not count.
        char first = char.ToLowerInvariant(text[start + 1]);
        if (first is 's' or 't' or 'm' or 'd' or '\u017F')
        {
            return start + 2;
        }

        if (start + 2 >= text.Length)
        {
            return 0;
        }

        return (first, char.ToLowerInvariant(text[start + 2])) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? start + 3 : 0;
    }
}
