using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>
/// Counts the thresholds strictly below a value. Sign, exponent and upper fraction bits of the value choose a cell of a table, whose entry holds the
/// number of thresholds below the cell and the lower fraction bits of the one threshold inside it, so that one integer comparison decides.
/// Maps that put two thresholds into a cell, or one outside [2^-24, 2), are searched by halves.
/// </summary>
internal sealed class ThresholdSearch
{
    // Magnitudes below 2^-24 share the first cell of a sign, those from 2 upwards the last.
    private const int MinExponent = 127 - 24;
    private const int Exponents = 25;

    private readonly float[] _thresholds;

    public ThresholdSearch(float[] thresholds)
    {
        _thresholds = thresholds;
        Table = [];

        // The signed map fits 6 bits, the unsigned one, which is twice as dense, 7.
        for (int bits = 6; bits <= 8 && Table.Length == 0; bits++)
        {
            Shift = 23 - bits;
            FirstCell = MinExponent << bits;
            LastCell = (Exponents << bits) + 1;
            Table = Build(thresholds) ?? [];
        }
    }

    /// <summary>Whether the table decides.</summary>
    public bool IsDirect => Table.Length > 0;

    /// <summary>For each cell, positive values first: the threshold's lower bits shifted left by 8, and the number of thresholds below.</summary>
    public int[] Table { get; private set; }

    /// <summary>How far a magnitude's bits are shifted right to name its cell.</summary>
    public int Shift { get; private set; }

    /// <summary>The cell of the table's first entry, less one: what lies below shares an entry.</summary>
    public int FirstCell { get; private set; }

    /// <summary>The index of a sign's last entry.</summary>
    public int LastCell { get; private set; }

    /// <summary>The number of thresholds strictly below a value that is not NaN, when the table decides.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int CountDirect(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        int entry = Table[Index(bits)];
        return (entry & 0xFF) + (LowBits(bits) > entry >> 8 ? 1 : 0);
    }

    /// <summary>The number of thresholds strictly below any value; 0 for NaN.</summary>
    public int CountByHalves(float value) => CountByHalves(_thresholds, value);

    /// <summary>The number of ascending thresholds strictly below any value; 0 for NaN.</summary>
    public static int CountByHalves(ReadOnlySpan<float> thresholds, float value)
    {
        int low = 0;
        int high = thresholds.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (value > thresholds[middle])
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Index(int bits)
    {
        int cell = Math.Clamp(((bits & 0x7FFFFFFF) >> Shift) - FirstCell + 1, 0, LastCell);
        return bits < 0 ? cell + LastCell + 1 : cell;
    }

    /// <summary>The bits within a cell, which ascend with the value: inverted for negative values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int LowBits(int bits) => (bits ^ (bits >> 31)) & ((1 << Shift) - 1);

    private int[]? Build(float[] thresholds)
    {
        // Without a threshold in its cell no value is above it.
        int none = (1 << Shift) - 1;
        var inside = new int[2 * (LastCell + 1)];
        Array.Fill(inside, none);
        var taken = new HashSet<int>();
        foreach (float threshold in thresholds)
        {
            int bits = BitConverter.SingleToInt32Bits(threshold);
            int index = Index(bits);
            int cell = index % (LastCell + 1);
            if (cell == 0 || cell == LastCell || !taken.Add(index))
            {
                return null;
            }

            inside[index] = LowBits(bits);
        }

        return [.. inside.Select((low, index) => (low << 8) | Below(thresholds, index))];
    }

    private int Below(float[] thresholds, int index)
    {
        int cell = index % (LastCell + 1);
        bool negative = index > LastCell;

        // Thresholds in a cell of the same sign that is nearer to minus infinity, and for positive cells all negative ones.
        return thresholds.Count(t =>
        {
            int other = Index(BitConverter.SingleToInt32Bits(t));
            bool otherNegative = other > LastCell;
            int otherCell = other % (LastCell + 1);
            return negative == otherNegative ? (negative ? otherCell > cell : otherCell < cell) : otherNegative;
        });
    }
}
