namespace LoraSharp.Tokenization;

/// <summary>Adds special tokens around one encoding or two. The encodings are changed in place and handed back in their final order.</summary>
internal abstract class PostProcessor
{
    /// <summary>How many special tokens it adds.</summary>
    public abstract int AddedTokens(bool pair);

    public abstract List<EncodingBuffer> Process(List<EncodingBuffer> encodings, bool addSpecialTokens);
}
