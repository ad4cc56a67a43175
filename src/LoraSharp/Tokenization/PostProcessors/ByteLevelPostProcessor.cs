namespace LoraSharp.Tokenization;

/// <summary>Takes the whitespace of byte-level tokens off their offsets.</summary>
internal sealed class ByteLevelPostProcessor(bool trimOffsets, bool addPrefixSpace) : PostProcessor
{
    public override int AddedTokens(bool pair) => 0;

    public override List<EncodingBuffer> Process(List<EncodingBuffer> encodings, bool addSpecialTokens)
    {
        if (trimOffsets)
        {
            foreach (EncodingBuffer encoding in encodings)
            {
                Trim(encoding, addPrefixSpace);
            }
        }

        return encodings;
    }

    public static void Trim(EncodingBuffer encoding, bool addPrefixSpace)
    {
        for (int i = 0; i < encoding.Tokens.Count; i++)
        {
            string token = encoding.Tokens[i];
            int leading = 0;
            while (leading < token.Length && IsSpace(token[leading]))
            {
                leading++;
            }

            int trailing = 0;
            while (trailing < token.Length && IsSpace(token[^(trailing + 1)]))
            {
                trailing++;
            }

            (int start, int end) = encoding.Offsets[i];
            if (leading > 0)
            {
                // A single space at the very beginning was put there by add_prefix_space: it has no place in the text to take off.
                bool isFirst = i == 0 || start == 0;
                start = isFirst && addPrefixSpace && leading == 1 ? start : Math.Min(start + leading, end);
            }

            if (trailing > 0 && end >= trailing)
            {
                end = Math.Max(end - trailing, start);
            }

            encoding.Offsets[i] = (start, end);
        }
    }

    private static bool IsSpace(char c) => c == ByteAlphabet.Chars[' '] || char.IsWhiteSpace(c);
}
