namespace LoraSharp.Tokenization.Templates;

/// <summary>Turns the spans of generation blocks into a mask over tokens.</summary>
internal static class AssistantMask
{
    /// <summary>
    /// One for each token from the one that covers a span's first code point to the one that covers its last. As in the reference implementation, spans
    /// after one whose start was cut off are left out, and a span whose last token is cut off, or is the very first token, goes on to the end.
    /// </summary>
    /// <param name="spans">Spans in code points of the text.</param>
    /// <param name="tokenOffsets">[start, end) of each token in code points of the same text.</param>
    public static int[] Compute(IReadOnlyList<GenerationSpan> spans, IReadOnlyList<(int Start, int End)> tokenOffsets)
    {
        var mask = new int[tokenOffsets.Count];
        foreach (GenerationSpan span in spans)
        {
            int first = TokenAt(tokenOffsets, span.Start);
            if (first < 0)
            {
                break;
            }

            int last = TokenAt(tokenOffsets, span.End - 1);
            int end = last <= 0 ? mask.Length : last + 1;
            if (end > first)
            {
                mask.AsSpan(first, end - first).Fill(1);
            }
        }

        return mask;
    }

    private static int TokenAt(IReadOnlyList<(int Start, int End)> tokenOffsets, int codePoint)
    {
        for (int i = 0; i < tokenOffsets.Count; i++)
        {
            if (tokenOffsets[i].Start <= codePoint && codePoint < tokenOffsets[i].End)
            {
                return i;
            }
        }

        return -1;
    }
}
