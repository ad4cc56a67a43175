using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>4 lanes of a 128-bit register.</summary>
internal readonly unsafe struct Lanes4(Vector128<float> value) : ILanes<Lanes4>
{
    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator +(Lanes4 a, Lanes4 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator -(Lanes4 a, Lanes4 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator *(Lanes4 a, Lanes4 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator /(Lanes4 a, Lanes4 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Create(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Load<T>(T* source)
        where T : unmanaged => new(Singles128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Sqrt(Lanes4 value) => new(Vector128.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Max(Lanes4 a, Lanes4 b) => new(Vector128.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Min(Lanes4 a, Lanes4 b) => new(Vector128.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 MultiplyAdd(Lanes4 a, Lanes4 b, Lanes4 c) => new(Vector128.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 PowerOfTwo(Lanes4 whole) => new(((Vector128.ConvertToInt32Native(whole._value) + Vector128.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => Vector128.Sum(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Sign(Lanes4 value)
    {
        Vector128<float> positive = Vector128.GreaterThan(value._value, Vector128<float>.Zero) & Vector128<float>.One;
        Vector128<float> negative = Vector128.LessThan(value._value, Vector128<float>.Zero) & Vector128<float>.One;
        return new(positive - negative);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ZeroFrom(Lanes4 value, float limit, out bool any)
    {
        Vector128<float> reached = Vector128.GreaterThanOrEqual(Vector128.Abs(value._value), Vector128.Create(limit));
        any = reached.AsInt32() != Vector128<int>.Zero;
        return new(Vector128.AndNot(value._value, reached));
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
            Singles128.StoreLowHalves(Singles128.RoundToBFloat16(_value), (ushort*)destination);
        }
        else if (Vector128.EqualsAll(_value, _value))
        {
            Singles128.StoreLowHalves(Singles128.Round<T>(_value), (ushort*)destination);
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
        Vector128<int> integers = Sse2.IsSupported ? Sse2.ConvertToVector128Int32(_value) : Vector128.ConvertToInt32(Vector128.Round(_value));
        Vector128<short> words = Vector128.Narrow(integers, integers);
        *(uint*)destination = Vector128.Narrow(words, words).AsUInt32().ToScalar();
    }

    // Takes the value, not this register, which an address would force into memory.
    private static void StoreWithNaN<T>(Vector128<float> value, T* destination)
        where T : unmanaged
    {
        for (int i = 0; i < Count; i++)
        {
            destination[i] = Element<T>.FromSingle(value[i]);
        }
    }
}
