namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Breaks a line at spaces and hyphens, as Python's textwrap does.</summary>
internal static class TextWrapping
{
    public static List<string> Wrap(Renderer renderer, string line, int width, bool breaksLongWords, bool breaksOnHyphens)
    {
        if (width <= 0)
        {
            throw Errors.Value($"invalid width {width} (must be > 0)");
        }

        renderer.ChargeItems(line.Length);
        var chunks = new Stack<string>(Chunks(line, breaksOnHyphens).Reverse());
        var lines = new List<string>();
        while (chunks.Count > 0)
        {
            if (lines.Count > 0 && IsBlank(chunks.Peek()))
            {
                chunks.Pop();
            }

            List<string> current = FillLine(chunks, width, breaksLongWords, breaksOnHyphens);
            if (current.Count > 0 && IsBlank(current[^1]))
            {
                current.RemoveAt(current.Count - 1);
            }

            if (current.Count > 0)
            {
                renderer.Step();
                lines.Add(string.Concat(current));
            }
        }

        return lines;
    }

    private static List<string> FillLine(Stack<string> chunks, int width, bool breaksLongWords, bool breaksOnHyphens)
    {
        var current = new List<string>();
        int length = 0;
        while (chunks.TryPeek(out string? next) && length + CodePoints.Length(next) <= width)
        {
            current.Add(chunks.Pop());
            length += CodePoints.Length(next);
        }

        if (chunks.TryPeek(out string? rest) && CodePoints.Length(rest) > width)
        {
            chunks.Pop();
            int space = width - length;
            if (breaksLongWords)
            {
                int cut = CodePoints.ToUnits(rest, Math.Max(1, space));
                int hyphen = breaksOnHyphens && space > 0 ? rest.LastIndexOf('-', cut - 1) : -1;
                cut = space == 0 ? 0 : hyphen > 0 && rest.AsSpan(0, hyphen).ContainsAnyExcept('-') ? hyphen + 1 : cut;
                current.Add(rest[..cut]);
                chunks.Push(rest[cut..]);
            }
            else if (current.Count == 0)
            {
                current.Add(rest);
            }
            else
            {
                chunks.Push(rest);
            }
        }

        return current;
    }

    /// <summary>Words and the spaces between them; hyphenated words are in pieces, each but the last with its hyphen.</summary>
    private static IEnumerable<string> Chunks(string line, bool breaksOnHyphens)
    {
        int start = 0;
        while (start < line.Length)
        {
            bool isSpace = IsWrapSpace(line[start]);
            int end = start + 1;
            while (end < line.Length && IsWrapSpace(line[end]) == isSpace)
            {
                if (!isSpace && breaksOnHyphens && IsBreak(line, start, end))
                {
                    break;
                }

                end++;
            }

            yield return line[start..end];
            start = end;
        }
    }

    /// <summary>Whether a word may be broken before an index: after a hyphen between letters, and around a dash of several hyphens.</summary>
    private static bool IsBreak(string line, int start, int index)
    {
        bool startsDash = line[index] == '-' && index + 1 < line.Length && line[index + 1] == '-' && line[index - 1] != '-' && IsWordPunctuation(line[index - 1]);
        if (startsDash || (line[index - 1] == '-' && line[start] == '-' && index - start >= 2 && line[index] != '-'))
        {
            int afterDash = index;
            while (afterDash < line.Length && line[afterDash] == '-')
            {
                afterDash++;
            }

            return afterDash < line.Length && IsWord(line[afterDash]);
        }

        if (line[index - 1] != '-' || index - 2 < start)
        {
            return false;
        }

        bool before = (index >= 3 && index - 3 >= start && IsLetter(line[index - 2]) && IsLetter(line[index - 3]))
            || (index >= 4 && index - 4 >= start && IsWordPunctuation(line[index - 2]) && line[index - 3] == '-' && IsLetter(line[index - 4]));
        int second = index + 1 < line.Length && line[index + 1] == '-' ? index + 2 : index + 1;
        return before && IsLetter(line[index]) && second < line.Length && IsLetter(line[second]);
    }

    private static bool IsWrapSpace(char c) => c is '\t' or '\n' or '\v' or '\f' or '\r' or ' ';

    private static bool IsBlank(string text) => text.AsSpan().TrimEndPython().IsEmpty;

    private static bool IsWord(char c) => c == '_' || TextPredicates.IsAlphanumeric(c);

    private static bool IsLetter(char c) => IsWord(c) && !TextPredicates.IsDecimal(c);

    private static bool IsWordPunctuation(char c) => IsWord(c) || c is '!' or '"' or '\'' or '&' or '.' or ',' or '?';
}
