using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>16 lanes of a 512-bit register.</summary>
internal readonly unsafe struct Lanes16(Vector512<float> value) : ILanes<Lanes16>
{
    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator +(Lanes16 a, Lanes16 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator -(Lanes16 a, Lanes16 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator *(Lanes16 a, Lanes16 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator /(Lanes16 a, Lanes16 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Load<T>(T* source)
        where T : unmanaged => new(Singles512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Sqrt(Lanes16 value) => new(Vector512.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Max(Lanes16 a, Lanes16 b) => new(Vector512.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Min(Lanes16 a, Lanes16 b) => new(Vector512.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 MultiplyAdd(Lanes16 a, Lanes16 b, Lanes16 c) => new(Vector512.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 PowerOfTwo(Lanes16 whole) => new(((Vector512.ConvertToInt32Native(whole._value) + Vector512.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector512.Sum(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Sign(Lanes16 value)
    {
        Vector512<float> positive = Vector512.GreaterThan(value._value, Vector512<float>.Zero) & Vector512<float>.One;
        Vector512<float> negative = Vector512.LessThan(value._value, Vector512<float>.Zero) & Vector512<float>.One;
        return new(positive - negative);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 ZeroFrom(Lanes16 value, float limit, out bool any)
    {
        Vector512<float> reached = Vector512.GreaterThanOrEqual(Vector512.Abs(value._value), Vector512.Create(limit));
        any = reached.AsInt32() != Vector512<int>.Zero;
        return new(Vector512.AndNot(value._value, reached));
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
            Singles512.StoreLowHalves(Singles512.RoundToBFloat16(_value), (ushort*)destination);
        }
        else if (Vector512.EqualsAll(_value, _value))
        {
            Singles512.StoreLowHalves(Singles512.Round<T>(_value), (ushort*)destination);
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
        Vector512<int> integers = Avx512F.ConvertToVector512Int32(_value);
        Avx512F.ConvertToVector128SByte(integers).Store(destination);
    }

    // Takes the value, not this register, which an address would force into memory.
    private static void StoreWithNaN<T>(Vector512<float> value, T* destination)
        where T : unmanaged
    {
        for (int i = 0; i < Count; i++)
        {
            destination[i] = Element<T>.FromSingle(value[i]);
        }
    }
}
