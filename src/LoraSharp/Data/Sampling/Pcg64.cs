using System.Numerics;

namespace LoraSharp.Data;

/// <summary>
/// numpy's <c>default_rng(seed)</c>: SeedSequence, then PCG64 (128-bit linear congruence, XSL-RR output). Data set shuffles and splits draw from
/// it, so that a seed gives the same rows as Hugging Face's datasets.
/// </summary>
internal sealed class Pcg64
{
    private static readonly UInt128 Multiplier = new(0x2360ED051FC65DA4, 0x4385DF649FCCF645);
    private readonly UInt128 _increment;
    private UInt128 _state;
    private uint? _secondHalf;

    public Pcg64(long seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seed);
        ulong[] words = SeedWords((ulong)seed);
        _increment = (new UInt128(words[2], words[3]) << 1) | UInt128.One;
        _state = unchecked(_increment + new UInt128(words[0], words[1]));
        Advance();
    }

    /// <summary><c>SeedSequence(seed).generate_state(4, uint64)</c>: state high, state low, increment high, increment low.</summary>
    public static ulong[] SeedWords(ulong seed)
    {
        // The entropy is the seed's 32-bit words; zeros fill the pool of four.
        uint[] pool = [unchecked((uint)seed), (uint)(seed >> 32), 0, 0];
        uint constant = 0x43B0D7E5;
        uint Hashed(uint value)
        {
            value ^= constant;
            constant *= 0x931E8875;
            value *= constant;
            return value ^ (value >> 16);
        }

        for (int i = 0; i < pool.Length; i++)
        {
            pool[i] = Hashed(pool[i]);
        }

        for (int source = 0; source < pool.Length; source++)
        {
            for (int target = 0; target < pool.Length; target++)
            {
                if (source != target)
                {
                    uint mixed = (0xCA01F9DD * pool[target]) - (0x4973F715 * Hashed(pool[source]));
                    pool[target] = mixed ^ (mixed >> 16);
                }
            }
        }

        constant = 0x8B51F9DD;
        uint Drawn(int i)
        {
            uint value = pool[i % pool.Length] ^ constant;
            constant *= 0x58F38DED;
            value *= constant;
            return value ^ (value >> 16);
        }

        ulong[] words = new ulong[4];
        for (int i = 0; i < words.Length; i++)
        {
            ulong low = Drawn(2 * i);
            words[i] = low | ((ulong)Drawn((2 * i) + 1) << 32);
        }

        return words;
    }

    public ulong NextUInt64()
    {
        Advance();
        ulong folded = (ulong)(_state >> 64) ^ (ulong)_state;
        return BitOperations.RotateRight(folded, (int)(_state >> 122));
    }

    /// <summary>The low half of a 64-bit draw first, then its high half.</summary>
    public uint NextUInt32()
    {
        if (_secondHalf is { } half)
        {
            _secondHalf = null;
            return half;
        }

        ulong value = NextUInt64();
        _secondHalf = (uint)(value >> 32);
        return unchecked((uint)value);
    }

    /// <summary>A number in [0, 1) with 53 bits, as <c>random()</c> draws it.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1L << 53));

    /// <summary><c>permutation(n)</c>: Fisher-Yates from the end, each draw masked to the bits it needs and rejected when too large.</summary>
    public int[] Permutation(int n)
    {
        int[] order = new int[n];
        for (int i = 0; i < n; i++)
        {
            order[i] = i;
        }

        for (int i = n - 1; i > 0; i--)
        {
            uint mask = uint.MaxValue >> BitOperations.LeadingZeroCount((uint)i);
            uint other;
            do
            {
                other = NextUInt32() & mask;
            }
            while (other > i);
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }

    private void Advance() => _state = unchecked((_state * Multiplier) + _increment);
}
