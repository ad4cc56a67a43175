using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>
/// SentencePiece's character map: a double-array trie of UTF-8 strings, and what each becomes. A grapheme cluster of fewer than six bytes is
/// looked up as a whole, others code point by code point; the shortest entry that begins it replaces all of it.
/// </summary>
internal sealed class PrecompiledNormalizer : Normalizer
{
    private readonly uint[] _trie;
    private readonly byte[] _replacements;
    private readonly bool[] _changesAscii = new bool[128];

    /// <summary>Reads the map: the trie's size in bytes (uint32), the trie, then zero-ended strings.</summary>
    /// <exception cref="FormatException">The sizes do not fit together.</exception>
    public PrecompiledNormalizer(ReadOnlySpan<byte> map)
    {
        if (map.Length < 4)
        {
            throw new FormatException($"a character map needs at least 4 bytes, this one has {map.Length}");
        }

        uint trieSize = BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (trieSize % 4 != 0 || trieSize == 0 || trieSize > map.Length - 4)
        {
            throw new FormatException($"the character map claims a trie of {trieSize} bytes, but has {map.Length - 4} bytes");
        }

        _trie = new uint[trieSize / 4];
        for (int i = 0; i < _trie.Length; i++)
        {
            _trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + (4 * i))..]);
        }

        _replacements = map[(4 + (int)trieSize)..].ToArray();
        for (int c = 1; c < 128; c++)
        {
            _changesAscii[c] = TryFind([(byte)c], out _);
        }
    }

    public override void Apply(NormalizedText text)
    {
        if (IsUnchangedAscii(text.Span))
        {
            return;
        }

        var edits = new TextEdits();
        bool changed = false;
        ReadOnlySpan<char> rest = text.Span;
        Span<byte> bytes = stackalloc byte[32];
        while (rest.Length > 0)
        {
            ReadOnlySpan<char> cluster = rest[..StringInfo.GetNextTextElementLength(rest)];
            rest = rest[cluster.Length..];
            if (cluster.Length <= 5 && Encoding.UTF8.GetBytes(cluster, bytes) is < 6 and int size
                && TryFind(bytes[..size], out ReadOnlySpan<byte> found))
            {
                changed = true;
                AddReplacement(edits, cluster, found);
                continue;
            }

            for (int i = 0; i < cluster.Length;)
            {
                int codePoint = UnicodeText.CodePointAt(cluster, i, out int length);
                ReadOnlySpan<char> part = cluster.Slice(i, length);
                size = Encoding.UTF8.GetBytes(part, bytes);
                if (TryFind(bytes[..size], out found))
                {
                    changed = true;
                    AddReplacement(edits, part, found);
                }
                else
                {
                    edits.Add(codePoint, 0);
                }

                i += length;
            }
        }

        if (changed)
        {
            edits.Apply(text);
        }
    }

    private bool IsUnchangedAscii(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            // CR LF is one cluster, whatever its parts become.
            if (c >= 128 || c == '\r' || _changesAscii[c])
            {
                return false;
            }
        }

        return true;
    }

    private static void AddReplacement(TextEdits edits, ReadOnlySpan<char> old, ReadOnlySpan<byte> replacement)
    {
        int oldCount = 0;
        foreach (Rune _ in old.EnumerateRunes())
        {
            oldCount++;
        }

        int first = edits.Count;
        string text = Encoding.UTF8.GetString(replacement);
        foreach (Rune rune in text.EnumerateRunes())
        {
            edits.Add(rune.Value, 0);
        }

        int difference = edits.Count - first - oldCount;
        if (difference < 0)
        {
            edits.AddToLast(difference);
        }

        for (int i = 1; i <= difference; i++)
        {
            edits.SetChange(edits.Count - i, 1);
        }
    }

    /// <summary>The string of the shortest entry that <paramref name="key"/> begins with.</summary>
    private bool TryFind(ReadOnlySpan<byte> key, out ReadOnlySpan<byte> found)
    {
        found = default;
        uint position = Offset(_trie[0]);
        foreach (byte b in key)
        {
            position ^= b;
            if (b == 0 || position >= (uint)_trie.Length)
            {
                return false;
            }

            uint unit = _trie[position];
            if ((unit & 0x800000FF) != b)
            {
                return false;
            }

            position ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                uint value = position < (uint)_trie.Length ? _trie[position] & 0x7FFFFFFF : uint.MaxValue;
                if (value > (uint)_replacements.Length)
                {
                    return false;
                }

                found = _replacements.AsSpan((int)value);
                int end = found.IndexOf((byte)0);
                found = end < 0 ? found : found[..end];
                return true;
            }
        }

        return false;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
