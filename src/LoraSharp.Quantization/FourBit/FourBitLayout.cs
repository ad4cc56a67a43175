using System.Numerics;

namespace LoraSharp.Quantization;

/// <summary>Sizes that follow from the number of elements and the block size, and their validation.</summary>
internal static class FourBitLayout
{
    public const int MinBlockSize = 32;
    public const int MaxBlockSize = 4096;
    public const int NestedBlockSize = 256;

    public static void RequireBlockSize(int blockSize)
    {
        if (blockSize is < MinBlockSize or > MaxBlockSize || !BitOperations.IsPow2(blockSize))
        {
            throw new ArgumentOutOfRangeException(nameof(blockSize), blockSize, $"The block size must be a power of two from {MinBlockSize} to {MaxBlockSize}; 64 is usual.");
        }
    }

    /// <summary>The length of the packed bytes; they must fit one array or span.</summary>
    public static int PackedLength(long count)
    {
        if (count is < 0 or > 2L * int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(count), count, $"A 4-bit tensor holds 0 to {2L * int.MaxValue} elements; split a larger one.");
        }

        return (int)((count + 1) / 2);
    }

    public static int BlockCount(long count, int blockSize) => checked((int)((count + blockSize - 1) / blockSize));

    public static void RequireLength(long actual, long expected, string what)
    {
        if (actual != expected)
        {
            throw new ArgumentException($"{what} must have {expected} elements but has {actual}: the data is truncated or belongs to another tensor.");
        }
    }
}
