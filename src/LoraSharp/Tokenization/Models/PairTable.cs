namespace LoraSharp.Tokenization;

/// <summary>A hash table from pairs of non-negative integers to pairs of integers, made for many look-ups that mostly fail.</summary>
internal sealed class PairTable
{
    private ulong[] _keys;
    private (int First, int Second)[] _values;
    private int _count;

    public PairTable(int capacity)
    {
        int size = 16;
        while (size < capacity * 2L && size < 1 << 30)
        {
            size *= 2;
        }

        _keys = new ulong[size];
        _values = new (int, int)[size];
    }

    public void Set(int left, int right, int first, int second)
    {
        if ((_count + 1) * 2L > _keys.Length)
        {
            Grow();
        }

        int slot = SlotOf(Key(left, right));
        if (_keys[slot] == 0)
        {
            _keys[slot] = Key(left, right);
            _count++;
        }

        _values[slot] = (first, second);
    }

    public bool TryGet(int left, int right, out (int First, int Second) value)
    {
        int slot = SlotOf(Key(left, right));
        value = _values[slot];
        return _keys[slot] != 0;
    }

    // Plus one, so that no key is 0, which marks an empty slot.
    private static ulong Key(int left, int right) => (((ulong)(uint)left << 32) | (uint)right) + 1;

    private int SlotOf(ulong key)
    {
        int mask = _keys.Length - 1;
        int slot = (int)((key * 0x9E3779B97F4A7C15) >> 33) & mask;
        while (_keys[slot] != 0 && _keys[slot] != key)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private void Grow()
    {
        ulong[] keys = _keys;
        (int, int)[] values = _values;
        _keys = new ulong[keys.Length * 2];
        _values = new (int, int)[keys.Length * 2];
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] != 0)
            {
                int slot = SlotOf(keys[i]);
                _keys[slot] = keys[i];
                _values[slot] = values[i];
            }
        }
    }
}
