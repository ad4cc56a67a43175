namespace LoraSharp.Quantization;

/// <summary>
/// One moment of an optimizer in 8 bits an element, in blocks of 256 ("8-bit Optimizers via Block-wise Quantization", arXiv:2110.02861). The memory may
/// belong to a file, so that states can exceed the machine's memory.
/// </summary>
public sealed class EightBitState
{
    /// <summary>Elements that share one scale.</summary>
    public const int BlockSize = 256;

    /// <summary>A state over existing memory, for instance of a checkpoint; it is updated in place.</summary>
    /// <param name="codes">One code an element.</param>
    /// <param name="absmax">ceil(elements / 256) scales.</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    public EightBitState(Memory<byte> codes, Memory<float> absmax)
    {
        FourBitLayout.RequireLength(absmax.Length, ScaleCount(codes.Length), "absmax");
        Codes = codes;
        Absmax = absmax;
    }

    /// <summary>A state of zeros.</summary>
    /// <param name="count">Elements of the parameter.</param>
    public EightBitState(int count)
        : this(new byte[count], new float[ScaleCount(count)])
    {
    }

    /// <summary>One code an element: an index into the signed (first moment) or unsigned (second moment) map.</summary>
    public Memory<byte> Codes { get; }

    /// <summary>One scale a block.</summary>
    public Memory<float> Absmax { get; }

    /// <summary>The number of scales for a number of elements.</summary>
    /// <param name="count">Elements of the parameter.</param>
    /// <returns>ceil(count / 256).</returns>
    public static int ScaleCount(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return (int)(((long)count + BlockSize - 1) / BlockSize);
    }
}
