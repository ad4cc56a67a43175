namespace LoraSharp.Tokenization;

/// <summary>Tokens and their ids, both ways.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private readonly string?[] _dense = [];
    private readonly Dictionary<int, string> _sparse = [];

    /// <exception cref="ArgumentException">Two tokens have one id.</exception>
    public Vocabulary(Dictionary<string, int> ids)
    {
        _ids = ids;
        _bySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        long largest = -1;
        foreach ((string token, int id) in ids)
        {
            largest = Math.Max(largest, id);
            MaxTokenLength = Math.Max(MaxTokenLength, token.Length);
        }

        // A file may claim any id: an array only where it is not much larger than the vocabulary.
        bool dense = largest < 1024 + (4L * ids.Count);
        _dense = dense ? new string?[largest + 1] : [];
        foreach ((string token, int id) in ids)
        {
            string? other = dense ? _dense[id] : _sparse.GetValueOrDefault(id);
            if (other is not null)
            {
                throw new ArgumentException($"the tokens '{other}' and '{token}' both have the id {id}");
            }

            if (dense)
            {
                _dense[id] = token;
            }
            else
            {
                _sparse[id] = token;
            }
        }
    }

    public int Count => _ids.Count;

    /// <summary>The length of the longest token in UTF-16 units.</summary>
    public int MaxTokenLength { get; }

    public IReadOnlyDictionary<string, int> Ids => _ids;

    public int Find(ReadOnlySpan<char> token) => _bySpan.TryGetValue(token, out int id) ? id : -1;

    public string? TokenOf(int id) => (uint)id < (uint)_dense.Length ? _dense[id] : _sparse.GetValueOrDefault(id);

    /// <summary>All tokens in the order of their ids.</summary>
    public IEnumerable<(string Token, int Id)> InOrder() => _ids.OrderBy(pair => pair.Value).Select(pair => (pair.Key, pair.Value));
}
