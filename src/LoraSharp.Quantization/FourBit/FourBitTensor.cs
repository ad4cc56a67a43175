using System.Buffers;
using System.Numerics;

namespace LoraSharp.Quantization;

/// <summary>
/// A tensor in 4 bits an element: packed codes, one scale a block, optionally with the scales quantised to 8 bits. Immutable; safe for
/// concurrent use. Blocks run over the elements in row-major order, whatever the shape. Bytes and scales are those of bitsandbytes.
/// </summary>
public sealed class FourBitTensor
{
    private FourBitTensor(FourBitType type, int blockSize, long count, ReadOnlyMemory<byte> packed, ReadOnlyMemory<float> absmax, DoubleQuantization? nested, ReadOnlyMemory<float> code)
    {
        FourBitCodebook book = FourBitCodebook.Of(type);
        FourBitLayout.RequireBlockSize(blockSize);
        FourBitLayout.RequireLength(packed.Length, FourBitLayout.PackedLength(count), "The packed weight (bytes)");
        int blocks = FourBitLayout.BlockCount(count, blockSize);
        FourBitLayout.RequireLength(nested is null ? absmax.Length : nested.AbsmaxCodes.Length, blocks, "absmax");
        FourBitLayout.RequireLength(code.IsEmpty ? 16 : code.Length, 16, "quant_map");
        Type = type;
        BlockSize = blockSize;
        Count = count;
        BlockCount = blocks;
        Packed = packed;
        Absmax = absmax;
        Nested = nested;
        Code = code.IsEmpty ? book.Values : code;
    }

    /// <summary>A tensor over existing data with one single-precision scale a block; nothing is copied.</summary>
    /// <param name="type">NF4 or FP4.</param>
    /// <param name="blockSize">Elements that share one scale; a power of two from 32 to 4096.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="packed">Two codes a byte, the even element in the high nibble: (count + 1) / 2 bytes.</param>
    /// <param name="absmax">ceil(count / blockSize) scales.</param>
    /// <param name="code">The 16 values that the codes stand for, when a file carries them; those of the type where empty.</param>
    /// <exception cref="ArgumentException">A length or the block size does not fit.</exception>
    public FourBitTensor(FourBitType type, int blockSize, long count, ReadOnlyMemory<byte> packed, ReadOnlyMemory<float> absmax, ReadOnlyMemory<float> code = default)
        : this(type, blockSize, count, packed, absmax, null, code)
    {
    }

    /// <summary>A tensor over existing data with double-quantised scales; nothing is copied.</summary>
    /// <param name="type">NF4 or FP4.</param>
    /// <param name="blockSize">Elements that share one scale; a power of two from 32 to 4096.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="packed">Two codes a byte, the even element in the high nibble: (count + 1) / 2 bytes.</param>
    /// <param name="nested">The quantised scales: ceil(count / blockSize) codes.</param>
    /// <param name="code">The 16 values that the codes stand for, when a file carries them; those of the type where empty.</param>
    /// <exception cref="ArgumentException">A length or the block size does not fit.</exception>
    public FourBitTensor(FourBitType type, int blockSize, long count, ReadOnlyMemory<byte> packed, DoubleQuantization nested, ReadOnlyMemory<float> code = default)
        : this(type, blockSize, count, packed, default, nested ?? throw new ArgumentNullException(nameof(nested)), code)
    {
    }

    /// <summary>NF4 or FP4.</summary>
    public FourBitType Type { get; }

    /// <summary>Elements that share one scale.</summary>
    public int BlockSize { get; }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The number of scales: ceil(<see cref="Count"/> / <see cref="BlockSize"/>).</summary>
    public int BlockCount { get; }

    /// <summary>Two codes a byte, the even element in the high nibble; an odd tail is padded with the code of zero.</summary>
    public ReadOnlyMemory<byte> Packed { get; }

    /// <summary>One scale a block; empty when <see cref="Nested"/> holds them.</summary>
    public ReadOnlyMemory<float> Absmax { get; }

    /// <summary>The quantised scales of double quantisation, or null.</summary>
    public DoubleQuantization? Nested { get; }

    /// <summary>The 16 values that the codes stand for.</summary>
    public ReadOnlyMemory<float> Code { get; }

    /// <summary>Memory of codes and scales in bytes (the two maps, 1 KiB at most, are not counted).</summary>
    public long ByteCount => Packed.Length + (Nested is null ? 4L * Absmax.Length : Nested.AbsmaxCodes.Length + (4L * Nested.NestedAbsmax.Length));

    /// <summary>The same tensor with its scales quantised to 8 bits; codes are shared, not copied. A tensor that has them already is returned as it is.</summary>
    /// <param name="mean">The scales' mean; see <see cref="DoubleQuantization.Compress"/>.</param>
    /// <returns>The tensor with <see cref="Nested"/> set.</returns>
    public FourBitTensor CompressStatistics(float? mean = null) =>
        Nested is not null ? this : new FourBitTensor(Type, BlockSize, Count, Packed, default, DoubleQuantization.Compress(Absmax.Span, mean), Code);

    internal PinnedFourBit Pin() => new(this);

    /// <summary>Holds the tensor's memory in place while kernels run on its addresses.</summary>
    internal readonly unsafe struct PinnedFourBit : IDisposable
    {
        private readonly MemoryHandle _packed;
        private readonly MemoryHandle _code;
        private readonly MemoryHandle _absmax;
        private readonly MemoryHandle _nestedAbsmax;
        private readonly MemoryHandle _nestedCode;

        public PinnedFourBit(FourBitTensor tensor)
        {
            _packed = tensor.Packed.Pin();
            _code = tensor.Code.Pin();
            DoubleQuantization? nested = tensor.Nested;
            if (nested is null)
            {
                _absmax = tensor.Absmax.Pin();
            }
            else
            {
                _absmax = nested.AbsmaxCodes.Pin();
                _nestedAbsmax = nested.NestedAbsmax.Pin();
                _nestedCode = nested.NestedCode.Pin();
            }

            Addresses = new FourBitAddresses
            {
                Packed = (byte*)_packed.Pointer,
                Count = tensor.Count,
                BlockSize = tensor.BlockSize,
                Code = (float*)_code.Pointer,
                Absmax = nested is null ? (float*)_absmax.Pointer : null,
                AbsmaxCodes = nested is null ? null : (byte*)_absmax.Pointer,
                NestedAbsmax = (float*)_nestedAbsmax.Pointer,
                NestedCode = (float*)_nestedCode.Pointer,
                NestedOffset = nested?.Offset ?? 0,
                NestedBlockShift = BitOperations.Log2((uint)(nested?.BlockSize ?? 1)),
            };
        }

        public FourBitAddresses Addresses { get; }

        public void Dispose()
        {
            _packed.Dispose();
            _code.Dispose();
            _absmax.Dispose();
            _nestedAbsmax.Dispose();
            _nestedCode.Dispose();
        }
    }
}
