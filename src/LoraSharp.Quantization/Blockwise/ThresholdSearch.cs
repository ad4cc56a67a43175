using System.Runtime.CompilerServices;

namespace LoraSharp.Quantization;

/// <summary>
/// Counts the thresholds strictly below a value. The sign, exponent and upper fraction bits of the value choose a cell of a table; a cell that
/// holds at most one threshold is decided by one comparison, as all cells of the dynamic maps are. Maps with crowded cells fall back to a
/// binary search.
/// </summary>
internal sealed class ThresholdSearch
{
    private const int FractionBits = 6;

    // Magnitudes below 2^-24 share the first cells, those from 2 upwards the last.
    private const int MinExponent = 127 - 24;
    private const int Exponents = 26;
    private const int CellsPerSign = Exponents << FractionBits;
    private const int FirstCell = MinExponent << FractionBits;

    private readonly float[] _thresholds;

    // The threshold inside each cell (infinity where there is none), and the number of thresholds below the cell. Negative cells come second.
    private readonly float[] _inside = new float[2 * CellsPerSign];
    private readonly byte[] _below = new byte[2 * CellsPerSign];

    public ThresholdSearch(float[] thresholds)
    {
        _thresholds = thresholds;
        Array.Fill(_inside, float.PositiveInfinity);
        int previousCell = -1;
        foreach (float threshold in thresholds)
        {
            int cell = Cell(threshold);
            IsDirect &= cell != previousCell && float.IsFinite(threshold);
            _inside[cell] = threshold;
            previousCell = cell;
        }

        for (int cell = 0; cell < _below.Length; cell++)
        {
            // Every threshold that is not in the cell is above all of its values or below all of them: the cell's least value decides.
            float inside = _inside[cell];
            float least = LeastValue(cell);
            _below[cell] = (byte)thresholds.Count(t => t != inside && t < least);
        }
    }

    /// <summary>Whether no cell holds two thresholds, so that the table decides.</summary>
    public bool IsDirect { get; } = true;

    /// <summary>The number of thresholds strictly below a value; 0 for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Count(float value)
    {
        if (!IsDirect || float.IsNaN(value))
        {
            return CountSlowly(_thresholds, value);
        }

        int cell = Cell(value);
        return _below[cell] + (value > _inside[cell] ? 1 : 0);
    }

    /// <summary>The same by binary search, for any ascending thresholds.</summary>
    public static int CountSlowly(ReadOnlySpan<float> thresholds, float value)
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
    private static int Cell(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        int cell = ((bits & 0x7FFFFFFF) >> (23 - FractionBits)) - FirstCell;
        cell = Math.Clamp(cell, 0, CellsPerSign - 1);
        return bits < 0 ? cell + CellsPerSign : cell;
    }

    private static float LeastValue(int cell)
    {
        if (cell < CellsPerSign)
        {
            return cell == 0 ? 0f : BitConverter.Int32BitsToSingle((cell + FirstCell) << (23 - FractionBits));
        }

        int magnitude = cell - CellsPerSign;
        return magnitude == CellsPerSign - 1
            ? float.NegativeInfinity
            : -BitConverter.Int32BitsToSingle(((magnitude + FirstCell + 1) << (23 - FractionBits)) - 1);
    }
}
