namespace LoraSharp.Quantization;

/// <summary>
/// A register of single-precision lanes, so that loops over elements are written once for all instruction sets. No operation is fused or
/// approximate, so all widths give the same bits, but for those that say otherwise.
/// </summary>
internal unsafe interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    /// <summary>The number of lanes.</summary>
    static abstract int Count { get; }

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    static abstract TSelf Create(float value);

    /// <summary>Loads elements, widened exactly.</summary>
    static abstract TSelf Load<T>(T* source)
        where T : unmanaged;

    static abstract TSelf Sqrt(TSelf value);

    /// <summary>The larger; the second, or NaN, where either is NaN.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller; the second, or NaN, where either is NaN.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>a·b + c, rounded once where the machine can: the last bit differs between machines.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>2 to the power of whole numbers from -126 to 127; anything for NaN.</summary>
    static abstract TSelf PowerOfTwo(TSelf whole);

    /// <summary>The sum of the lanes; its order, and so its last bit, depends on the width.</summary>
    float Sum();

    /// <summary>-1, 0 or 1; 0 for NaN.</summary>
    static abstract TSelf Sign(TSelf value);

    /// <summary>Values whose magnitude reaches a limit become 0, and others stay; tells whether any did.</summary>
    static abstract TSelf ZeroFrom(TSelf value, float limit, out bool any);

    /// <summary>Rounds to the element type, ties to even, and stores.</summary>
    void Store<T>(T* destination)
        where T : unmanaged;

    /// <summary>Rounds to integers, ties to even, and stores them as bytes; NaN gives 0.</summary>
    void StoreInt8(sbyte* destination);
}
