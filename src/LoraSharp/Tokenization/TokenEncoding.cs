using LoraSharp.Tokenization;

namespace LoraSharp;

/// <summary>One encoded text (or pair of texts): parallel lists with one entry for each token.</summary>
public sealed class TokenEncoding
{
    internal TokenEncoding(EncodingBuffer buffer)
    {
        Ids = buffer.Ids.ToArray();
        Tokens = [.. buffer.Tokens];
        Offsets = [.. buffer.Offsets];
        TypeIds = [.. buffer.TypeIds];
        SpecialTokensMask = [.. buffer.SpecialTokensMask];
        AttentionMask = [.. buffer.AttentionMask];
        WordIds = [.. buffer.WordIds];
        SequenceIds = [.. buffer.SequenceIds];
    }

    /// <summary>The ids.</summary>
    public IReadOnlyList<int> Ids { get; }

    /// <summary>The tokens as the vocabulary writes them; an added token with the whitespace that it took.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>[start, end) of each token in code points of its own text; (0, 0) for tokens that are not from the text.</summary>
    public IReadOnlyList<(int Start, int End)> Offsets { get; }

    /// <summary>The type id (segment) of each token.</summary>
    public IReadOnlyList<int> TypeIds { get; }

    /// <summary>1 for tokens that the post-processor or padding added, else 0.</summary>
    public IReadOnlyList<int> SpecialTokensMask { get; }

    /// <summary>0 for padding, else 1.</summary>
    public IReadOnlyList<int> AttentionMask { get; }

    /// <summary>The number of the word (the pre-tokenizer's piece) that each token is from; null for tokens that are not from the text.</summary>
    public IReadOnlyList<int?> WordIds { get; }

    /// <summary>0 for tokens of the first text, 1 for those of the second, null for tokens that are not from a text.</summary>
    public IReadOnlyList<int?> SequenceIds { get; }
}
