namespace LoraSharp.Tokenization;

/// <summary>The tokens on top of a model's vocabulary, and how they are found in a text.</summary>
internal sealed class AddedVocabulary(TokenModel model, Normalizer? normalizer)
{
    private readonly Dictionary<string, int> _ids = [];
    private readonly SortedDictionary<int, AddedToken> _tokens = [];
    private readonly Dictionary<int, string> _normalized = [];
    private readonly HashSet<string> _specialContents = [];
    private AddedTokenTrie? _rawTrie;
    private AddedTokenTrie? _normalizedTrie;

    /// <summary>The added tokens by their ids.</summary>
    public IReadOnlyDictionary<int, AddedToken> Tokens => _tokens;

    public int IdOf(string token) => _ids.TryGetValue(token, out int id) ? id : model.IdOf(token);

    /// <summary>The text of an added token, normalized where the token is; null if the id is not an added token's.</summary>
    public string? TextOf(int id) => _tokens.TryGetValue(id, out AddedToken? token) ? _normalized.GetValueOrDefault(id, token.Content) : null;

    /// <summary>True for the written content of a special token.</summary>
    public bool IsSpecial(string token) => _specialContents.Contains(token);

    /// <summary>How many added tokens the model does not have.</summary>
    public int CountBeyondModel() => _ids.Keys.Count(content => model.IdOf(content) < 0);

    /// <summary>Adds tokens: one that the vocabulary has keeps its id, others get the next ones. Returns how many were new or changed.</summary>
    public int Add(IEnumerable<AddedToken> tokens)
    {
        int largest = _tokens.Count > 0 ? _tokens.Keys.Max() : -1;
        int nextId = largest >= model.VocabSize ? largest + 1 : model.VocabSize;
        int added = 0;
        foreach (AddedToken token in tokens)
        {
            if (token.Content.Length == 0
                || (_ids.TryGetValue(token.Content, out int known) && _tokens.TryGetValue(known, out AddedToken? old) && old == token))
            {
                continue;
            }

            int id = IdOf(token.Content);
            if (id < 0)
            {
                id = nextId++;
            }

            _normalized.Remove(id);
            if (token.Normalized && normalizer is not null && normalizer.Apply(token.Content) is var text && text != token.Content)
            {
                _normalized[id] = text;
            }

            _ids[token.Content] = id;
            if (token.Special)
            {
                _specialContents.Add(token.Content);
            }

            _tokens[id] = token;
            added++;
        }

        _rawTrie = MakeTrie(normalized: false);
        _normalizedTrie = MakeTrie(normalized: true);
        return added;
    }

    /// <summary>
    /// Cuts a text at its added tokens and normalizes the rest: first those found in the raw text, then those in the normalized pieces between.
    /// </summary>
    public void Split(NormalizedText text, bool splitSpecialTokens, PieceList output)
    {
        Split(new Piece(text, 0, text.Length, -1), _rawTrie, splitSpecialTokens, output);
        if (normalizer is null && _normalizedTrie is null)
        {
            return;
        }

        foreach (Piece piece in output.TakeAll())
        {
            if (piece.AddedId >= 0)
            {
                output.Add(piece);
                continue;
            }

            Piece part = piece;
            if (normalizer is not null)
            {
                NormalizedText changed = piece.Text.Slice(piece.Start, piece.Length);
                normalizer.Apply(changed);
                part = new Piece(changed, 0, changed.Length, -1);
            }

            Split(part, _normalizedTrie, splitSpecialTokens, output);
        }
    }

    private void Split(Piece piece, AddedTokenTrie? trie, bool splitSpecialTokens, PieceList output)
    {
        if (trie is null)
        {
            output.Add(piece);
            return;
        }

        ReadOnlySpan<char> text = piece.Span;
        int done = 0;
        for (int at = 0; trie.Find(text, at) is { Length: > 0 } match;)
        {
            int start = match.Start;
            int end = start + match.Length;
            at = end;
            AddedToken token = _tokens[match.Value];
            if ((splitSpecialTokens && _specialContents.Contains(token.Content)) || (token.SingleWord && !StandsAlone(text, start, end)))
            {
                continue;
            }

            if (token.LStrip)
            {
                start = Math.Max(text[..start].TrimEnd().Length, done);
            }

            if (token.RStrip)
            {
                end = text.Length - text[end..].TrimStart().Length;
            }

            if (done < start)
            {
                output.Add(piece, done, start);
            }

            output.Add(new Piece(piece.Text, piece.Start + start, end - start, match.Value));
            done = end;
        }

        output.Add(piece, done, text.Length);
    }

    private static bool StandsAlone(ReadOnlySpan<char> text, int start, int end)
    {
        if (start > 0)
        {
            int before = char.IsLowSurrogate(text[start - 1]) && start > 1 ? start - 2 : start - 1;
            if (UnicodeText.IsWord(UnicodeText.CodePointAt(text, before, out _)))
            {
                return false;
            }
        }

        return end == text.Length || !UnicodeText.IsWord(UnicodeText.CodePointAt(text, end, out _));
    }

    private AddedTokenTrie? MakeTrie(bool normalized)
    {
        (string, int)[] tokens =
        [
            .. _tokens.Where(pair => pair.Value.Normalized == normalized)
                .Select(pair => (Text: TextOf(pair.Key)!, Id: pair.Key))
                .Where(pair => pair.Text.Length > 0),
        ];
        return tokens.Length == 0 ? null : new AddedTokenTrie(tokens);
    }
}
