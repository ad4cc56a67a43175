using System.Numerics;
using System.Runtime.InteropServices;

namespace LoraSharp.Tokenization;

/// <summary>
/// Words met before. Each word has two slots, the newer one first; there are no locks: an entry never changes, and a lost write costs only time.
/// </summary>
internal sealed class WordCache
{
    /// <summary>Longer words are rare, and not kept.</summary>
    public const int MaxWordLength = 96;

    private const int Slots = 1 << 16;
    private readonly CachedWord?[] _words = new CachedWord?[Slots];

    public CachedWord? Find(ReadOnlySpan<char> word)
    {
        int slot = SlotOf(word);
        CachedWord? found = _words[slot];
        if (found is not null && word.SequenceEqual(found.Word))
        {
            return found;
        }

        found = _words[slot ^ 1];
        return found is not null && word.SequenceEqual(found.Word) ? found : null;
    }

    public void Add(CachedWord word)
    {
        int slot = SlotOf(word.Word);
        _words[slot ^ 1] = _words[slot];
        _words[slot] = word;
    }

    public void Clear() => Array.Clear(_words);

    private static int SlotOf(ReadOnlySpan<char> word)
    {
        ulong hash = (ulong)word.Length * 0x9E3779B97F4A7C15;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(word);
        while (bytes.Length >= 8)
        {
            hash = (BitOperations.RotateLeft(hash, 5) ^ MemoryMarshal.Read<ulong>(bytes)) * 0x9E3779B97F4A7C15;
            bytes = bytes[8..];
        }

        foreach (char c in MemoryMarshal.Cast<byte, char>(bytes))
        {
            hash = (BitOperations.RotateLeft(hash, 5) ^ c) * 0x9E3779B97F4A7C15;
        }

        return (int)(hash >> 48) & (Slots - 1);
    }
}
