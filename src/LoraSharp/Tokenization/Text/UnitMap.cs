using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>From a model's units (UTF-8 bytes, or UTF-16 units as they are) to UTF-16 units of one word.</summary>
internal readonly ref struct UnitMap
{
    private readonly int[]? _charOfByte;
    private readonly int _length;

    public UnitMap(ReadOnlySpan<char> word, bool bytes)
    {
        _length = word.Length;
        if (!bytes || Ascii.IsValid(word))
        {
            return;
        }

        _charOfByte = new int[Encoding.UTF8.GetByteCount(word)];
        int at = 0;
        for (int i = 0; i < word.Length;)
        {
            int codePoint = UnicodeText.CodePointAt(word, i, out int length);
            int width = UnicodeText.Utf8Length(codePoint);
            _charOfByte.AsSpan(at, width).Fill(i);
            at += width;
            i += length;
        }
    }

    /// <summary>The UTF-16 unit where the character of a unit begins. Characters that vanished shift what follows, never beyond the end.</summary>
    public int CharOf(int unit) => _charOfByte is null ? Math.Clamp(unit, 0, _length - 1) : _charOfByte[Math.Clamp(unit, 0, _charOfByte.Length - 1)];
}
