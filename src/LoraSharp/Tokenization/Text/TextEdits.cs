namespace LoraSharp.Tokenization;

/// <summary>
/// A text's new characters, each with what became of the old ones: 0 = it replaces the next old character, a positive number = it is inserted,
/// -n = it replaces the next old character and the n after that are gone. Origins follow from these numbers alone, by position (which is what
/// decides the offsets of composed and reordered characters).
/// </summary>
internal sealed class TextEdits
{
    private int[] _codePoints = new int[64];
    private int[] _changes = new int[64];

    public int Count { get; private set; }

    public void Add(int codePoint, int change)
    {
        if (Count == _codePoints.Length)
        {
            Array.Resize(ref _codePoints, Count * 2);
            Array.Resize(ref _changes, Count * 2);
        }

        _codePoints[Count] = codePoint;
        _changes[Count++] = change;
    }

    public void SetChange(int index, int change) => _changes[index] = change;

    /// <summary>Adds to the change of the last character; there may be none, and then the removal goes unnoticed, as in the reference.</summary>
    public void AddToLast(int change)
    {
        if (Count > 0)
        {
            _changes[Count - 1] += change;
        }
    }

    /// <summary>
    /// Makes <paramref name="text"/> consist of the new characters. <paramref name="removedAtStart"/> old characters are gone before the first one.
    /// </summary>
    public void Apply(NormalizedText text, int removedAtStart = 0)
    {
        int units = 0;
        for (int i = 0; i < Count; i++)
        {
            units += _codePoints[i] > 0xFFFF ? 2 : 1;
        }

        var chars = new char[units];
        int[]? starts = text.IsTracked ? new int[units] : null;
        int[]? ends = text.IsTracked ? new int[units] : null;
        ReadOnlySpan<char> old = text.Span;
        int at = 0;
        int position = Advance(old, 0, removedAtStart);
        for (int i = 0; i < Count; i++)
        {
            int width = 1;
            if (_codePoints[i] > 0xFFFF)
            {
                int rest = _codePoints[i] - 0x10000;
                chars[at] = (char)(0xD800 + (rest >> 10));
                chars[at + 1] = (char)(0xDC00 + (rest & 0x3FF));
                width = 2;
            }
            else
            {
                chars[at] = (char)_codePoints[i];
            }

            if (starts is not null)
            {
                (int Start, int End) origin = OriginAt(text, old.Length, _changes[i] > 0 ? position - 1 : position);
                starts.AsSpan(at, width).Fill(origin.Start);
                ends!.AsSpan(at, width).Fill(origin.End);
                if (_changes[i] <= 0)
                {
                    position = Advance(old, position, 1 - _changes[i]);
                }
            }

            at += width;
        }

        text.Replace(chars, units, starts, ends);
    }

    private static (int Start, int End) OriginAt(NormalizedText text, int length, int position) =>
        position < 0 || length == 0 ? (text.OriginStart, text.OriginStart) : text.Origin(Math.Min(position, length - 1));

    private static int Advance(ReadOnlySpan<char> text, int position, int codePoints)
    {
        for (; codePoints > 0 && position < text.Length; codePoints--)
        {
            position += char.IsHighSurrogate(text[position]) && position + 1 < text.Length ? 2 : 1;
        }

        return position;
    }
}
