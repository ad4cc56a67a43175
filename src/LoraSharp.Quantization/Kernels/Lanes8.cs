using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>8 lanes of a 256-bit register.</summary>
internal readonly unsafe struct Lanes8(Vector256<float> value) : ILanes<Lanes8>
{
    private readonly Vector256<float> _value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 a, Lanes8 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator -(Lanes8 a, Lanes8 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator *(Lanes8 a, Lanes8 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator /(Lanes8 a, Lanes8 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Load<T>(T* source)
        where T : unmanaged => new(Singles256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Sqrt(Lanes8 value) => new(Vector256.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Max(Lanes8 a, Lanes8 b) => new(Vector256.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Min(Lanes8 a, Lanes8 b) => new(Vector256.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 MultiplyAdd(Lanes8 a, Lanes8 b, Lanes8 c) => new(Vector256.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 PowerOfTwo(Lanes8 whole) => new(((Vector256.ConvertToInt32Native(whole._value) + Vector256.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector256.Sum(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Sign(Lanes8 value)
    {
        Vector256<float> positive = Vector256.GreaterThan(value._value, Vector256<float>.Zero) & Vector256<float>.One;
        Vector256<float> negative = Vector256.LessThan(value._value, Vector256<float>.Zero) & Vector256<float>.One;
        return new(positive - negative);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ZeroFrom(Lanes8 value, float limit, out bool any)
    {
        Vector256<float> reached = Vector256.GreaterThanOrEqual(Vector256.Abs(value._value), Vector256.Create(limit));
        any = reached.AsInt32() != Vector256<int>.Zero;
        return new(Vector256.AndNot(value._value, reached));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<T>(T* destination)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            _value.Store((float*)destination);
        }
        else if (typeof(T) == typeof(BFloat16))
        {
            Singles256.StoreLowHalves(Singles256.RoundToBFloat16(_value), (ushort*)destination);
        }
        else if (Vector256.EqualsAll(_value, _value))
        {
            Singles256.StoreLowHalves(Singles256.Round<T>(_value), (ushort*)destination);
        }
        else
        {
            StoreWithNaN(_value, destination);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreInt8(sbyte* destination)
    {
        // NaN converts to int.MinValue (x64) or 0 (Arm), whose lowest byte is 0 either way.
        Vector256<int> integers = Avx.ConvertToVector256Int32(_value);
        Vector128<short> words = Vector128.Narrow(integers.GetLower(), integers.GetUpper());
        *(ulong*)destination = Vector128.Narrow(words, words).AsUInt64().ToScalar();
    }

    // Takes the value, not this register, which an address would force into memory.
    private static void StoreWithNaN<T>(Vector256<float> value, T* destination)
        where T : unmanaged
    {
        for (int i = 0; i < Count; i++)
        {
            destination[i] = Element<T>.FromSingle(value[i]);
        }
    }
}
