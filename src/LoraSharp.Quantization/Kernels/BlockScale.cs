namespace LoraSharp.Quantization;

/// <summary>
/// How the reference scales a block: a full one is multiplied by the reciprocal of its largest magnitude m (at least 1e-38; m itself is stored), a
/// partial last one is divided by m (at least 1e-38; that is stored).
/// </summary>
internal readonly ref struct BlockScale
{
    public BlockScale(uint magnitudeBits, bool full)
    {
        float m = BitConverter.UInt32BitsToSingle(magnitudeBits);

        // A comparison, not Max: NaN must pass through.
        float clamped = m < 1e-38f ? 1e-38f : m;
        Factor = full ? 1f / clamped : clamped;
        Stored = full ? m : clamped;
        Divide = !full;
    }

    /// <summary>What elements are multiplied with, or divided by.</summary>
    public float Factor { get; }

    /// <summary>Whether to divide.</summary>
    public bool Divide { get; }

    /// <summary>The scale to keep.</summary>
    public float Stored { get; }
}
