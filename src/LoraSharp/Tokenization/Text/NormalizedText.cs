namespace LoraSharp.Tokenization;

/// <summary>
/// A piece of text under normalization. It remembers, for each UTF-16 unit, the range of units of the original that it comes from, as long as
/// someone will ask (<see cref="IsTracked"/>); a text that nothing has changed needs no memory for that.
/// </summary>
internal sealed class NormalizedText
{
    private ReadOnlyMemory<char> _chars;
    private int[]? _starts;
    private int[]? _ends;
    private string? _original;

    /// <summary>A text that is its own original.</summary>
    public NormalizedText(string original, bool track)
    {
        _chars = original.AsMemory();
        _original = original;
        IsTracked = track;
    }

    private NormalizedText(ReadOnlyMemory<char> chars, int originStart, bool track, string? original)
    {
        _chars = chars;
        OriginStart = originStart;
        IsTracked = track;
        _original = original;
    }

    public bool IsTracked { get; }

    /// <summary>Where this piece begins in the original.</summary>
    public int OriginStart { get; }

    public int Length => _chars.Length;

    public ReadOnlySpan<char> Span => _chars.Span;

    /// <summary>The range of the original that a unit comes from.</summary>
    public (int Start, int End) Origin(int index)
    {
        if (_starts is not null)
        {
            return (_starts[index], _ends![index]);
        }

        // Both halves of a surrogate pair come from the whole pair.
        ReadOnlySpan<char> chars = Span;
        int start = char.IsLowSurrogate(chars[index]) && index > 0 ? index - 1 : index;
        int length = char.IsHighSurrogate(chars[start]) && start + 1 < chars.Length ? 2 : 1;
        return (OriginStart + start, OriginStart + start + length);
    }

    /// <summary>A part of the text as a text of its own, for a normalizer to change.</summary>
    public NormalizedText Slice(int start, int length)
    {
        if (start == 0 && length == Length && (!IsTracked || length == 0 || Origin(0).Start == OriginStart))
        {
            return this;
        }

        var slice = new NormalizedText(
            _chars.Slice(start, length), IsTracked && length > 0 ? Origin(start).Start : OriginStart + start, IsTracked, null);
        if (_starts is not null)
        {
            slice._starts = _starts[start..(start + length)];
            slice._ends = _ends![start..(start + length)];
        }

        return slice;
    }

    /// <summary>The text as a string, without a copy where it is the untouched original.</summary>
    public override string ToString() => _original ??= _chars.ToString();

    /// <summary>Takes the result of a change, with the origins of its units where the text is tracked.</summary>
    public void Replace(char[] chars, int length, int[]? starts, int[]? ends)
    {
        _chars = chars.AsMemory(0, length);
        _original = null;
        _starts = starts;
        _ends = ends;
    }

    /// <summary>Takes changed characters that stand unit for unit in the old places; origins do not change.</summary>
    public void ReplaceUnits(char[] chars)
    {
        _chars = chars;
        _original = null;
    }

    /// <summary>Replaces one unit by another wherever it stands; origins do not change.</summary>
    public void ReplaceUnit(char from, char to)
    {
        if (Span.Contains(from))
        {
            char[] chars = _chars.ToArray();
            chars.AsSpan().Replace(from, to);
            ReplaceUnits(chars);
        }
    }
}
