namespace LoraSharp.Tokenization;

/// <summary>
/// Turns ids into text as they come. Text that ends in U+FFFD is held back, because the next id may complete the character; <see cref="Flush"/>
/// shows what is held back at the end. All pieces together are the text of all ids. Not for several threads at once.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly TokenizerPipeline _pipeline;
    private readonly bool _skipSpecialTokens;
    private readonly List<int> _ids = [];
    private string _shown = "";
    private int _shownIds;

    internal StreamingDecoder(TokenizerPipeline pipeline, bool skipSpecialTokens)
    {
        _pipeline = pipeline;
        _skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>Takes the next id; returns the text that it makes certain, or null if there is nothing to show yet.</summary>
    public string? Add(int id)
    {
        if (_shown.Length == 0 && _ids.Count > 0 && _pipeline.Decode(_ids, _skipSpecialTokens) is var before && !before.EndsWith('\uFFFD'))
        {
            (_shown, _shownIds) = (before, _ids.Count);
        }

        _ids.Add(id);
        string text = _pipeline.Decode(_ids, _skipSpecialTokens);
        if (text.Length <= _shown.Length || text.EndsWith('\uFFFD'))
        {
            return null;
        }

        string piece = text[_shown.Length..];

        // What the last ids with a text made stays, so that the next one is decoded in its surroundings; what came before is done with.
        _ids.RemoveRange(0, _shownIds);
        _shownIds = _ids.Count;
        _shown = _pipeline.Decode(_ids, _skipSpecialTokens);
        return piece;
    }

    /// <summary>The text that is held back (an incomplete character shows as U+FFFD), or "". The decoder is then as new.</summary>
    public string Flush()
    {
        string text = _pipeline.Decode(_ids, _skipSpecialTokens);
        string rest = text.Length > _shown.Length ? text[_shown.Length..] : "";
        _ids.Clear();
        _shown = "";
        _shownIds = 0;
        return rest;
    }
}
