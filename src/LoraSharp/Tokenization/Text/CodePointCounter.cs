namespace LoraSharp.Tokenization;

/// <summary>Turns places in a text from UTF-16 units into code points. Asked mostly from left to right.</summary>
internal sealed class CodePointCounter
{
    private readonly int[]? _before;

    public CodePointCounter(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return;
        }

        _before = new int[text.Length + 1];
        for (int i = 0; i < text.Length; i++)
        {
            _before[i + 1] = _before[i] + (char.IsLowSurrogate(text[i]) ? 0 : 1);
        }
    }

    /// <summary>How many code points begin before the unit at <paramref name="index"/>.</summary>
    public int Count(int index) => _before is null ? index : _before[index];
}
