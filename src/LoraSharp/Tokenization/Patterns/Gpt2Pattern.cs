namespace LoraSharp.Tokenization;

/// <summary>The split pattern of GPT-2, written out by hand: <see cref="Source"/>.</summary>
internal sealed class Gpt2Pattern : TextPattern
{
    public const string Source = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

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

    private static int End(ReadOnlySpan<char> text, int start)
    {
        char c = text[start];
        if (c == '\'' && Contraction(text, start) is > 0 and int end)
        {
            return end;
        }

        LetterClass kind = LetterClasses.At(text, start, out int length);
        int next = start + length;
        if (kind == LetterClass.Space)
        {
            if (c != ' ' || next == text.Length || LetterClasses.At(text, next, out length) is LetterClass.Space)
            {
                return SpaceRunEnd(text, start);
            }

            // One ASCII space goes to the word behind it.
            kind = LetterClasses.At(text, next, out length);
            next += length;
        }

        return RunEnd(text, next, kind);
    }

    /// <summary>The end of the run of one class that goes on at <paramref name="index"/>.</summary>
    public static int RunEnd(ReadOnlySpan<char> text, int index, LetterClass kind)
    {
        while (index < text.Length && LetterClasses.At(text, index, out int length) == kind)
        {
            index += length;
        }

        return index;
    }

    /// <summary>
    /// The end of <c>\s+(?!\S)|\s+</c>: a run of whitespace leaves its last character to the word behind it, unless it has only that one.
    /// </summary>
    public static int SpaceRunEnd(ReadOnlySpan<char> text, int start)
    {
        int end = RunEnd(text, start + 1, LetterClass.Space);
        return end == text.Length || end == start + 1 ? end : end - 1;
    }

    private static int Contraction(ReadOnlySpan<char> text, int start)
    {
        if (start + 1 >= text.Length)
        {
            return 0;
        }

        char first = text[start + 1];
        if (first is 's' or 't' or 'm' or 'd')
        {
            return start + 2;
        }

        if (start + 2 >= text.Length)
        {
            return 0;
        }

        return (first, text[start + 2]) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? start + 3 : 0;
    }
}
