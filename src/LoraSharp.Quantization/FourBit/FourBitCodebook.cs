namespace LoraSharp.Quantization;

/// <summary>The 16 values of a 4-bit type, and what quantising needs: decision thresholds and the nibble of each rank.</summary>
internal sealed class FourBitCodebook
{
    private static readonly FourBitCodebook Nf4 = new(
        FourBitType.Nf4,
        "nf4",
        [
            -1f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
            -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0f,
            0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
            0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1f,
        ],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        zeroNibble: 7);

    private static readonly FourBitCodebook Fp4 = new(
        FourBitType.Fp4,
        "fp4",
        [
            0f, (float)(0.0625 / 12), (float)(8.0 / 12), 1f, (float)(4.0 / 12), 6f / 12, (float)(2.0 / 12), 3f / 12,
            0f, -(float)(0.0625 / 12), -(float)(8.0 / 12), -1f, -(float)(4.0 / 12), -6f / 12, -(float)(2.0 / 12), -3f / 12,
        ],
        [11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3],
        zeroNibble: 0);

    private FourBitCodebook(FourBitType type, string name, float[] values, byte[] nibbles, byte zeroNibble)
    {
        Type = type;
        Name = name;
        Values = values;
        Nibbles = nibbles;
        ZeroNibble = zeroNibble;
        for (int i = 0; i < Thresholds.Length; i++)
        {
            Thresholds[i] = (values[nibbles[i]] + values[nibbles[i + 1]]) / 2;
        }

        SplitsZero = Thresholds.Contains(0f);
        Buckets = new FourBitBuckets(Thresholds.Where(t => t != 0));
    }

    public FourBitType Type { get; }

    /// <summary>The name in bitsandbytes' files.</summary>
    public string Name { get; }

    /// <summary>The value of each nibble.</summary>
    public float[] Values { get; }

    /// <summary>Midpoints of adjacent values in ascending order; a value's rank is the number of thresholds strictly below it.</summary>
    public float[] Thresholds { get; } = new float[15];

    /// <summary>The nibble of each rank (identity for NF4). FP4 has two zeros, which take neighbouring ranks.</summary>
    public byte[] Nibbles { get; }

    /// <summary>Whether 0 itself is a threshold (FP4 has two zeros); <see cref="Buckets"/> leave it out.</summary>
    public bool SplitsZero { get; }

    /// <summary>The quick way to a value's rank.</summary>
    public FourBitBuckets Buckets { get; }

    /// <summary>The nibble that pads an odd number of elements.</summary>
    public byte ZeroNibble { get; }

    public static FourBitCodebook Of(FourBitType type) => type switch
    {
        FourBitType.Nf4 => Nf4,
        FourBitType.Fp4 => Fp4,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Unknown 4-bit type: use FourBitType.Nf4 or FourBitType.Fp4."),
    };

    public static FourBitCodebook? Find(string name) => name switch { "nf4" => Nf4, "fp4" => Fp4, _ => null };
}
