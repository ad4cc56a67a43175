namespace LoraSharp.Tokenization;

/// <summary>Cuts one encoding, or two, to a common budget.</summary>
internal static class EncodingTruncation
{
    /// <exception cref="ArgumentException">There is no room for the special tokens, or nothing would be left of the text that alone may be
    /// cut.</exception>
    public static void Apply(List<EncodingBuffer> encodings, TruncationOptions options, int specialTokens)
    {
        int budget = options.MaxLength - specialTokens;
        if (budget < 0)
        {
            throw new ArgumentException(
                $"MaxLength is {options.MaxLength}, but the special tokens alone are {specialTokens}."
                    + " Raise MaxLength or encode with AddSpecialTokens = false.",
                nameof(options));
        }

        int total = encodings.Sum(encoding => encoding.Count);
        if (budget == 0)
        {
            encodings.ForEach(encoding => encoding.Truncate(0, options.Side));
            return;
        }

        if (total <= budget)
        {
            return;
        }

        if (options.Strategy == TruncationStrategy.LongestFirst)
        {
            CutLongestFirst(encodings, budget, options.Side);
            return;
        }

        int index = options.Strategy == TruncationStrategy.OnlyFirst ? 0 : 1;
        if (index >= encodings.Count)
        {
            throw new ArgumentException(
                "The truncation strategy is OnlySecond, but there is no second text. Use OnlyFirst or LongestFirst.", nameof(options));
        }

        int left = encodings[index].Count - (total - budget);
        if (left <= 0)
        {
            throw new ArgumentException(
                $"Nothing would be left of the {(index == 0 ? "first" : "second")} text: the other one already fills the {budget} tokens."
                    + " Raise MaxLength, or use LongestFirst.",
                nameof(options));
        }

        encodings[index].Truncate(left, options.Side);
    }

    private static void CutLongestFirst(List<EncodingBuffer> encodings, int budget, SequenceSide side)
    {
        if (encodings.Count == 1)
        {
            encodings[0].Truncate(budget, side);
            return;
        }

        bool swapped = encodings[0].Count > encodings[1].Count;
        int shorter = Math.Min(encodings[0].Count, encodings[1].Count);
        int longer = shorter > budget ? shorter : Math.Max(shorter, budget - shorter);
        if (shorter + longer > budget)
        {
            shorter = budget / 2;
            longer = shorter + (budget % 2);
        }

        encodings[0].Truncate(swapped ? longer : shorter, side);
        encodings[1].Truncate(swapped ? shorter : longer, side);
    }
}
