namespace LoraSharp.Tokenization;

/// <summary>Splits at the matches of a pattern (or at what lies between them, when inverted).</summary>
internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert = false) : PreTokenizer
{
    protected override void Split(Piece piece, PieceList output)
    {
        IntBuffer matches = output.Matches;
        matches.Clear();
        pattern.FindAll(piece.Span, matches);
        if (behavior is SplitBehavior.Isolated or SplitBehavior.Removed)
        {
            SplitSimply(piece, output);
        }
        else
        {
            SplitAndMerge(piece, output);
        }
    }

    private void SplitSimply(Piece piece, PieceList output)
    {
        bool keepMatches = behavior == SplitBehavior.Isolated || invert;
        bool keepRest = behavior == SplitBehavior.Isolated || !invert;
        ReadOnlySpan<int> matches = output.Matches.Span;
        int at = 0;
        for (int i = 0; i < matches.Length; i += 2)
        {
            if (keepRest)
            {
                output.Add(piece, at, matches[i]);
            }

            at = matches[i + 1];
            if (keepMatches)
            {
                output.Add(piece, matches[i], at);
            }
        }

        if (keepRest)
        {
            output.Add(piece, at, piece.Length);
        }
    }

    private void SplitAndMerge(Piece piece, PieceList output)
    {
        List<(int Start, int End, bool IsMatch)> segments = Segments(output.Matches.Span, piece.Length);
        var merged = new List<(int Start, int End)>();
        bool previous = false;
        if (behavior == SplitBehavior.MergedWithNext)
        {
            for (int i = segments.Count - 1; i >= 0; i--)
            {
                (int start, int end, bool isMatch) = segments[i];
                if (isMatch && !previous && merged.Count > 0)
                {
                    merged[^1] = (start, merged[^1].End);
                }
                else
                {
                    merged.Add((start, end));
                }

                previous = isMatch;
            }

            merged.Reverse();
        }
        else
        {
            foreach ((int start, int end, bool isMatch) in segments)
            {
                bool join = behavior == SplitBehavior.Contiguous ? isMatch == previous : isMatch && !previous;
                if (join && merged.Count > 0)
                {
                    merged[^1] = (merged[^1].Start, end);
                }
                else
                {
                    merged.Add((start, end));
                }

                previous = isMatch;
            }
        }

        foreach ((int start, int end) in merged)
        {
            output.Add(piece, start, end);
        }
    }

    private List<(int Start, int End, bool IsMatch)> Segments(ReadOnlySpan<int> matches, int length)
    {
        var segments = new List<(int, int, bool)>();
        int at = 0;
        for (int i = 0; i < matches.Length; i += 2)
        {
            if (at != matches[i])
            {
                segments.Add((at, matches[i], invert));
            }

            at = matches[i + 1];
            segments.Add((matches[i], at, !invert));
        }

        if (at != length)
        {
            segments.Add((at, length, invert));
        }

        return segments;
    }
}
