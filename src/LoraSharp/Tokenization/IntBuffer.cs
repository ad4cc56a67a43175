namespace LoraSharp.Tokenization;

/// <summary>A growing array of integers whose content can be read as a span.</summary>
internal sealed class IntBuffer
{
    private int[] _items = [];

    public int Count { get; private set; }

    public ReadOnlySpan<int> Span => _items.AsSpan(0, Count);

    public int this[int index]
    {
        get => _items[index];
        set => _items[index] = value;
    }

    public void Add(int item)
    {
        if (Count == _items.Length)
        {
            Grow(Count + 1);
        }

        _items[Count++] = item;
    }

    public void AddRange(ReadOnlySpan<int> items)
    {
        if (Count + items.Length > _items.Length)
        {
            Grow(Count + items.Length);
        }

        items.CopyTo(_items.AsSpan(Count));
        Count += items.Length;
    }

    public void Insert(int position, int item)
    {
        Add(item);
        if (position < Count - 1)
        {
            _items.AsSpan(position, Count - 1 - position).CopyTo(_items.AsSpan(position + 1));
            _items[position] = item;
        }
    }

    public void Keep(int start, int count)
    {
        _items.AsSpan(start, count).CopyTo(_items);
        Count = count;
    }

    public void Clear() => Count = 0;

    public int[] ToArray() => Span.ToArray();

    private void Grow(int needed) => Array.Resize(ref _items, Math.Max(needed, Math.Max(16, _items.Length * 2)));
}
