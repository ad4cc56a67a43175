namespace LoraSharp.Tokenization;

/// <summary>Puts a string in front of a text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override void Apply(NormalizedText text) => Prepend(text, prefix);

    /// <summary>What is put in front shares the origin of the first character.</summary>
    public static void Prepend(NormalizedText text, string prefix)
    {
        if (text.Length == 0 || prefix.Length == 0)
        {
            return;
        }

        int length = prefix.Length + text.Length;
        var chars = new char[length];
        prefix.CopyTo(chars);
        text.Span.CopyTo(chars.AsSpan(prefix.Length));
        int[]? starts = null;
        int[]? ends = null;
        if (text.IsTracked)
        {
            starts = new int[length];
            ends = new int[length];
            for (int i = 0; i < length; i++)
            {
                (starts[i], ends[i]) = text.Origin(Math.Max(0, i - prefix.Length));
            }
        }

        text.Replace(chars, length, starts, ends);
    }
}
