namespace LoraSharp.Tokenization;

/// <summary>Drops whitespace at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override void Apply(NormalizedText text)
    {
        ReadOnlySpan<char> chars = text.Span;
        int start = left ? chars.Length - chars.TrimStart().Length : 0;
        int end = right ? chars.TrimEnd().Length : chars.Length;
        if (start == 0 && end == chars.Length)
        {
            return;
        }

        int length = Math.Max(0, end - start);
        int[]? starts = text.IsTracked ? new int[length] : null;
        int[]? ends = text.IsTracked ? new int[length] : null;
        for (int i = 0; starts is not null && i < length; i++)
        {
            (starts[i], ends![i]) = text.Origin(start + i);
        }

        text.Replace(chars.Slice(Math.Min(start, end), length).ToArray(), length, starts, ends);
    }
}
