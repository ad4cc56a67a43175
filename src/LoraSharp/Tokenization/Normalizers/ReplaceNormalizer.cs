namespace LoraSharp.Tokenization;

/// <summary>Replaces every match of a pattern by a string.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, string content) : Normalizer
{
    public override void Apply(NormalizedText text) => Replace(text, pattern, content);

    /// <summary>Replaces every space.</summary>
    public static void ReplaceSpaces(NormalizedText text, string content)
    {
        if (content.Length == 1)
        {
            text.ReplaceUnit(' ', content[0]);
        }
        else
        {
            Replace(text, new LiteralPattern(" "), content);
        }
    }

    /// <summary>What replaces a match has the origin of the match's last character.</summary>
    public static void Replace(NormalizedText text, TextPattern pattern, string content)
    {
        var matches = new IntBuffer();
        if (text.Length > 0)
        {
            pattern.FindAll(text.Span, matches);
        }

        if (matches.Count == 0)
        {
            return;
        }

        int length = text.Length;
        for (int i = 0; i < matches.Count; i += 2)
        {
            length = checked(length + content.Length - (matches[i + 1] - matches[i]));
        }

        var chars = new char[length];
        int[]? starts = text.IsTracked ? new int[length] : null;
        int[]? ends = text.IsTracked ? new int[length] : null;
        ReadOnlySpan<char> old = text.Span;
        int from = 0;
        int to = 0;
        for (int i = 0; i <= matches.Count; i += 2)
        {
            int stop = i < matches.Count ? matches[i] : old.Length;
            old[from..stop].CopyTo(chars.AsSpan(to));
            for (; from < stop; from++, to++)
            {
                if (starts is not null)
                {
                    (starts[to], ends![to]) = text.Origin(from);
                }
            }

            if (i == matches.Count)
            {
                break;
            }

            from = matches[i + 1];
            content.CopyTo(chars.AsSpan(to));
            (int Start, int End) origin = from == 0 ? (text.OriginStart, text.OriginStart) : starts is not null ? text.Origin(from - 1) : default;
            starts?.AsSpan(to, content.Length).Fill(origin.Start);
            ends?.AsSpan(to, content.Length).Fill(origin.End);
            to += content.Length;
        }

        text.Replace(chars, length, starts, ends);
    }
}
