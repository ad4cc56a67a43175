using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>
/// The fused product: codes are looked up in registers and multiplied at once, 64 at a time, and the sums of each block are multiplied with its scale. The double quantisation is
/// undone for the 256 values of a nested block (which usually serves 256 blocks), so that the scale of a block is one look-up.
/// </summary>
internal static unsafe partial class FusedProduct<TStep>
    where TStep : struct, IProductStep
{
    private const int StepElements = 64;

    /// <summary>Prepared bytes of x that all rows of the weight are multiplied with before the next ones: they stay in a first-level cache of 32 KiB.</summary>
    private const int TileBytes = 24 * 1024;

    /// <summary>Whether a weight of this shape can be multiplied here: rows begin at blocks and are whole steps, and the code values are finite.</summary>
    public static bool Fits(in FourBitAddresses weight, int columns)
    {
        bool finite = true;
        for (int i = 0; i < 16; i++)
        {
            finite &= float.IsFinite(weight.Code[i]);
        }

        // Two blocks of 32 share a step and with it the nested block.
        bool together = weight.BlockSize >= StepElements || weight.AbsmaxCodes == null || weight.NestedBlockShift > 0;
        return finite && together && columns % StepElements == 0 && columns % weight.BlockSize == 0;
    }

    /// <summary>Bytes that <see cref="TryPrepare"/> writes, to be aligned to 32.</summary>
    public static nuint PreparedBytes(int batch, int columns) => (nuint)batch * (nuint)(columns / StepElements) * (nuint)TStep.Bytes;

    /// <summary>
    /// Brings x, [batch, columns], into the order and form that the product reads: tile after tile of columns, within a tile row after row. False when a row holds NaN, infinity or
    /// values that the step's form does not represent well.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryPrepare(in FourBitAddresses weight, float* x, int batch, int columns, byte* prepared)
    {
        float unit = TStep.Tables(weight.Code, out _, out _);
        Vector256<float>* lanes = stackalloc Vector256<float>[8];
        int tile = Tile(batch, columns, weight.BlockSize);
        for (int k = 0; k < columns; k += tile)
        {
            int end = Math.Min(k + tile, columns);
            for (int m = 0; m < batch; m++)
            {
                float* row = x + ((long)m * columns);
                var error = default(PreparedError);
                for (int i = k; i < end; i += StepElements)
                {
                    for (int lane = 0; lane < 8; lane++)
                    {
                        lanes[lane] = TStep.Lane(row + i, lane);
                    }

                    Transpose(lanes);
                    TStep.Store(lanes, unit, prepared, ref error);
                    prepared += TStep.Bytes;
                }

                if (!error.IsAcceptable)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Rows [firstRow, endRow) of the weight, whose scales are finite, times all rows of x; y is [batch, rows].</summary>
    public static void Multiply(in FourBitAddresses weight, int firstRow, int endRow, int rows, int columns, byte* prepared, int batch, float* y)
    {
        int tile = Tile(batch, columns, weight.BlockSize);
        for (int k = 0; k < columns; k += tile)
        {
            var part = new Part { FirstRow = firstRow, EndRow = endRow, Rows = rows, Columns = columns, FirstColumn = k, Length = Math.Min(tile, columns - k) };
            nint stride = part.Length / StepElements * TStep.Bytes;
            byte* x = prepared + (k / StepElements * (long)TStep.Bytes * batch);
            int m = 0;
            for (; batch - m >= 4; m += 4)
            {
                Rows<Four>(weight, part, x + (m * stride), y + ((long)m * rows));
            }

            for (; batch - m >= 2; m += 2)
            {
                Rows<Two>(weight, part, x + (m * stride), y + ((long)m * rows));
            }

            if (m < batch)
            {
                Rows<One>(weight, part, x + (m * stride), y + ((long)m * rows));
            }
        }
    }

    // A single row of x is read along with the weight in one stream, from whichever cache holds it. Tiles begin at blocks.
    private static int Tile(int batch, int columns, int blockSize)
    {
        int whole = Math.Max(blockSize, StepElements);
        return batch == 1 ? columns : Math.Max(TileBytes / TStep.Bytes * StepElements / Math.Min(batch, 4) / whole, 1) * whole;
    }

    /// <summary>Exchanges lanes and columns of 8 x 8 values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(Vector256<float>* v)
    {
        for (int i = 0; i < 8; i += 2)
        {
            (v[i], v[i + 1]) = (Avx.UnpackLow(v[i], v[i + 1]), Avx.UnpackHigh(v[i], v[i + 1]));
        }

        for (int i = 0; i < 8; i += 4)
        {
            Vector256<float> a = Avx.Shuffle(v[i], v[i + 2], 0b01_00_01_00), b = Avx.Shuffle(v[i], v[i + 2], 0b11_10_11_10);
            Vector256<float> c = Avx.Shuffle(v[i + 1], v[i + 3], 0b01_00_01_00), d = Avx.Shuffle(v[i + 1], v[i + 3], 0b11_10_11_10);
            (v[i], v[i + 1], v[i + 2], v[i + 3]) = (a, b, c, d);
        }

        for (int i = 0; i < 4; i++)
        {
            (v[i], v[i + 4]) = (Avx.Permute2x128(v[i], v[i + 4], 0x20), Avx.Permute2x128(v[i], v[i + 4], 0x31));
        }
    }

    /// <summary>A rectangle of the weight.</summary>
    private readonly struct Part
    {
        public required int FirstRow { get; init; }

        public required int EndRow { get; init; }

        /// <summary>Rows and columns of the whole weight.</summary>
        public required int Rows { get; init; }

        public required int Columns { get; init; }

        public required int FirstColumn { get; init; }

        public required int Length { get; init; }
    }
}
