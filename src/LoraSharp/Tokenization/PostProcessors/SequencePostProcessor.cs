namespace LoraSharp.Tokenization;

/// <summary>One post-processor after another.</summary>
internal sealed class SequencePostProcessor(IReadOnlyList<PostProcessor> parts) : PostProcessor
{
    public override int AddedTokens(bool pair) => parts.Sum(part => part.AddedTokens(pair));

    public override List<EncodingBuffer> Process(List<EncodingBuffer> encodings, bool addSpecialTokens)
    {
        foreach (PostProcessor part in parts)
        {
            encodings = part.Process(encodings, addSpecialTokens);
        }

        return encodings;
    }
}
