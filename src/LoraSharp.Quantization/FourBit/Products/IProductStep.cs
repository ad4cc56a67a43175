using System.Runtime.Intrinsics;

namespace LoraSharp.Quantization;

/// <summary>
/// The product of 64 weights with 64 elements of x, before the scale of the weights: what <see cref="FusedProduct{TStep}"/> repeats. Each of the eight lanes of a result belongs
/// to eight of the elements; lanes 0 to 3 are the first 32 elements, so that blocks of 32 can have scales of their own.
/// </summary>
internal unsafe interface IProductStep
{
    /// <summary>Bytes of 64 prepared elements of x; a multiple of 32.</summary>
    static abstract int Bytes { get; }

    /// <summary>
    /// Turns the 16 code values, which are finite, into the tables of <see cref="Look"/>. Returns the unit of the tables: the step's weights are multiples of it.
    /// </summary>
    static abstract float Tables(float* code, out Vector256<byte> first, out Vector256<byte> second);

    /// <summary>The eight elements that meet in one lane, in the order of <see cref="Store"/>'s columns.</summary>
    static abstract Vector256<float> Lane(float* x, int lane);

    /// <summary>Prepares 64 elements; column c holds element c of each lane, and is scratch memory afterwards.</summary>
    static abstract void Store(Vector256<float>* columns, float unit, byte* prepared, ref PreparedError error);

    /// <summary>The weights of 32 packed bytes; how many vectors there are is the step's affair.</summary>
    static abstract void Look(
        Vector256<byte> packed, Vector256<byte> first, Vector256<byte> second, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3,
        out Vector256<float> w4, out Vector256<float> w5, out Vector256<float> w6, out Vector256<float> w7);

    /// <summary>The sums of each lane.</summary>
    static abstract Vector256<float> Dot(
        byte* prepared, Vector256<float> w0, Vector256<float> w1, Vector256<float> w2, Vector256<float> w3, Vector256<float> w4, Vector256<float> w5, Vector256<float> w6, Vector256<float> w7);
}
