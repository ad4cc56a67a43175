namespace LoraSharp.Tokenization;

/// <summary>What a model makes of words: ids, and for each token its place in its word and, where it is not the vocabulary's, its text.</summary>
internal sealed class TokenSink
{
    public IntBuffer Ids { get; } = new();

    /// <summary>Where each token begins in its word, in the model's units (<see cref="TokenModel.CountsBytes"/>).</summary>
    public IntBuffer Starts { get; } = new();

    public IntBuffer Ends { get; } = new();

    /// <summary>The texts of tokens that are not the vocabulary's, by the token's index.</summary>
    public Dictionary<int, string> Texts { get; } = [];

    public int Count => Ids.Count;

    public void Add(int id, int start, int end)
    {
        Ids.Add(id);
        Starts.Add(start);
        Ends.Add(end);
    }

    public void Clear()
    {
        Ids.Clear();
        Starts.Clear();
        Ends.Clear();
        Texts.Clear();
    }

    public void Append(CachedWord word)
    {
        if (word.Texts is not null)
        {
            foreach ((int index, string text) in word.Texts)
            {
                Texts[Count + index] = text;
            }
        }

        Ids.AddRange(word.Ids);
        Starts.AddRange(word.Starts);
        Ends.AddRange(word.Ends);
    }

    /// <summary>The tokens from <paramref name="first"/> on, to be kept for the next time.</summary>
    public CachedWord Since(int first, string word)
    {
        Dictionary<int, string>? texts = null;
        for (int i = first; Texts.Count > 0 && i < Count; i++)
        {
            if (Texts.TryGetValue(i, out string? text))
            {
                (texts ??= [])[i - first] = text;
            }
        }

        return new CachedWord(word, Ids.Span[first..].ToArray(), Starts.Span[first..].ToArray(), Ends.Span[first..].ToArray(), texts);
    }
}
