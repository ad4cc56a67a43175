using System.Runtime.CompilerServices;

namespace LoraSharp.Tokenization;

/// <summary>Matches each code point of a class by itself.</summary>
internal sealed class CodePointPattern : TextPattern
{
    private readonly Func<int, bool> _isMatch;

    /// <summary>The answers for the basic plane, worked out as they are needed: 0 = not yet, 1 = no, 2 = yes.</summary>
    private readonly byte[] _known = new byte[0x10000];

    public CodePointPattern(Func<int, bool> isMatch) => _isMatch = isMatch;

    public override void FindAll(ReadOnlySpan<char> text, IntBuffer matches)
    {
        for (int i = 0; i < text.Length;)
        {
            char c = text[i];
            int length = 1;
            bool isMatch = char.IsSurrogate(c) ? _isMatch(UnicodeText.CodePointAt(text, i, out length)) : IsMatch(c);
            if (isMatch)
            {
                matches.Add(i);
                matches.Add(i + length);
            }

            i += length;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsMatch(char c)
    {
        byte known = _known[c];
        return known != 0 ? known == 2 : Learn(c);
    }

    private bool Learn(char c)
    {
        bool isMatch = _isMatch(c);
        _known[c] = isMatch ? (byte)2 : (byte)1;
        return isMatch;
    }
}
