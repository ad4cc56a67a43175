namespace LoraSharp.Quantization;

/// <summary>One lane: the scalar form, and the tails of all others.</summary>
internal readonly unsafe struct Lanes1(float value) : ILanes<Lanes1>
{
    private readonly float _value = value;

    public static int Count => 1;

    public static Lanes1 operator +(Lanes1 a, Lanes1 b) => new(a._value + b._value);

    public static Lanes1 operator -(Lanes1 a, Lanes1 b) => new(a._value - b._value);

    public static Lanes1 operator *(Lanes1 a, Lanes1 b) => new(a._value * b._value);

    public static Lanes1 operator /(Lanes1 a, Lanes1 b) => new(a._value / b._value);

    public static Lanes1 Create(float value) => new(value);

    public static Lanes1 Load<T>(T* source)
        where T : unmanaged => new(Element<T>.ToSingle(*source));

    public static Lanes1 Sqrt(Lanes1 value) => new(MathF.Sqrt(value._value));

    public static Lanes1 Max(Lanes1 a, Lanes1 b) => a._value > b._value ? a : b;

    public static Lanes1 Min(Lanes1 a, Lanes1 b) => a._value < b._value ? a : b;

    public static Lanes1 MultiplyAdd(Lanes1 a, Lanes1 b, Lanes1 c) => new(float.MultiplyAddEstimate(a._value, b._value, c._value));

    public static Lanes1 PowerOfTwo(Lanes1 whole) => new(BitConverter.Int32BitsToSingle(unchecked((int)whole._value + 127) << 23));

    public float Sum() => _value;

    public static Lanes1 Sign(Lanes1 value) => new(value._value > 0 ? 1 : value._value < 0 ? -1 : 0);

    public static Lanes1 ZeroFrom(Lanes1 value, float limit, out bool any)
    {
        any = MathF.Abs(value._value) >= limit;
        return any ? default : value;
    }

    public void Store<T>(T* destination)
        where T : unmanaged => *destination = Element<T>.FromSingle(_value);

    public void StoreInt8(sbyte* destination) => *destination = float.IsNaN(_value) ? (sbyte)0 : (sbyte)(int)MathF.Round(_value);
}
