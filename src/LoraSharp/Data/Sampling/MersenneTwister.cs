namespace LoraSharp.Data;

/// <summary>
/// torch's CPU generator (MT19937), in managed code: orders of rows depend on a seed alone, never on what else drew from libtorch's global
/// generator.
/// </summary>
internal sealed class MersenneTwister
{
    private const int Length = 624;
    private const int Shift = 397;
    private readonly uint[] _state = new uint[Length];
    private int _next = Length;

    /// <summary>Seeds the generator; torch uses the low 32 bits of the seed.</summary>
    public MersenneTwister(long seed)
    {
        _state[0] = unchecked((uint)seed);
        for (uint i = 1; i < Length; i++)
        {
            _state[i] = (1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;
        }
    }

    public uint NextUInt32()
    {
        if (_next == Length)
        {
            Refill();
        }

        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680;
        y ^= (y << 15) & 0xEFC60000;
        return y ^ (y >> 18);
    }

    /// <summary>Two words, the first one high.</summary>
    public ulong NextUInt64()
    {
        ulong high = NextUInt32();
        return (high << 32) | NextUInt32();
    }

    /// <summary><c>torch.randperm(n)</c>.</summary>
    public int[] RandPerm(int n)
    {
        int[] order = new int[n];
        for (int i = 0; i < n; i++)
        {
            order[i] = i;
        }

        for (int i = 0; i < n - 1; i++)
        {
            int other = i + (int)(NextUInt32() % (uint)(n - i));
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }

    private void Refill()
    {
        for (int i = 0; i < Length; i++)
        {
            uint y = (_state[i] & 0x80000000) | (_state[(i + 1) % Length] & 0x7FFFFFFF);
            _state[i] = _state[(i + Shift) % Length] ^ (y >> 1) ^ ((y & 1) == 0 ? 0 : 0x9908B0DF);
        }

        _next = 0;
    }
}
