using LoraSharp.Tokenization;

namespace LoraSharp;

/// <content>From ids to text.</content>
public sealed partial class Tokenizer
{
    /// <summary>The text of ids. Ids that the vocabulary does not have are left out.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecialTokens">Leaves special tokens out. Default: false.</param>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return _pipeline.Decode(ids, skipSpecialTokens);
    }

    /// <summary>A decoder for ids that come one by one, which never shows half a character.</summary>
    /// <param name="skipSpecialTokens">Leaves special tokens out. Default: true.</param>
    public StreamingDecoder CreateStreamingDecoder(bool skipSpecialTokens = true) => new(_pipeline, skipSpecialTokens);
}
