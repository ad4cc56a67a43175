namespace LoraSharp.Tokenization;

/// <summary>The pieces of a text, in order; and what cutting them needs again and again.</summary>
internal sealed class PieceList
{
    private Piece[] _items = new Piece[16];
    private Piece[] _previous = new Piece[16];

    public int Count { get; private set; }

    public ReadOnlySpan<Piece> Span => _items.AsSpan(0, Count);

    /// <summary>Room for the matches of one piece.</summary>
    public IntBuffer Matches { get; } = new();

    /// <summary>Adds a piece; an empty one vanishes.</summary>
    public void Add(Piece piece)
    {
        if (piece.Length == 0)
        {
            return;
        }

        if (Count == _items.Length)
        {
            Array.Resize(ref _items, Count * 2);
        }

        _items[Count++] = piece;
    }

    public void Add(Piece source, int start, int end) => Add(new Piece(source.Text, source.Start + start, end - start, -1));

    /// <summary>Takes all pieces out, to be added again in parts.</summary>
    public ReadOnlySpan<Piece> TakeAll()
    {
        int count = Count;
        (_items, _previous) = (_previous, _items);
        Count = 0;
        return _previous.AsSpan(0, count);
    }
}
