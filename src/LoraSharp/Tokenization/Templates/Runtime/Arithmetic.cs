using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The operators + - * / // % ** as Python has them.</summary>
internal static class Arithmetic
{
    public static object? Add(Renderer renderer, object? a, object? b)
    {
        if (a is long or BigInteger && b is long or BigInteger)
        {
            return Integers.Add(a, b);
        }

        switch (a, b)
        {
            case (string x, string y):
                return Join(renderer, x, y);
            case (Markup or string, Markup or string):
                return new Markup(Join(renderer, Markup.Escape(renderer, a).Text, Markup.Escape(renderer, b).Text));
            case (JinjaList x, JinjaList y):
                return new JinjaList(Join(renderer, x.Items, y.Items));
            case (JinjaTuple x, JinjaTuple y):
                return new JinjaTuple(Join(renderer, x.Items, y.Items));
            case (JinjaBytes x, JinjaBytes y):
                renderer.ChargeText(x.Bytes.Length + (long)y.Bytes.Length);
                return new JinjaBytes([.. x.Bytes, .. y.Bytes]);
            default:
                return Numbers("+", a, b, (x, y) => Integers.Normalize(x + y), (x, y) => x + y);
        }
    }

    public static object? Subtract(object? a, object? b) => Numbers("-", a, b, (x, y) => Integers.Normalize(x - y), (x, y) => x - y);

    public static object? Multiply(Renderer renderer, object? a, object? b)
    {
        if (a is long or BigInteger && b is long or BigInteger)
        {
            return Integers.Multiply(renderer, a, b);
        }

        if (Integers.TryGet(b, out BigInteger count) && IsRepeatable(a))
        {
            return Repeat(renderer, a!, count);
        }

        if (Integers.TryGet(a, out count) && IsRepeatable(b))
        {
            return Repeat(renderer, b!, count);
        }

        return Numbers("*", a, b, (x, y) => Integers.Normalize(x * y), (x, y) => x * y);
    }

    public static object? Divide(object? a, object? b) => Numbers(
        "/",
        a,
        b,
        (x, y) => y.IsZero ? throw Errors.DivisionByZero("division by zero") : Integers.Divide(x, y),
        (x, y) => y == 0 ? throw Errors.DivisionByZero("float division by zero") : x / y);

    public static object? FloorDivide(object? a, object? b) => Numbers(
        "//",
        a,
        b,
        (x, y) => y.IsZero ? throw Errors.DivisionByZero("integer division or modulo by zero") : Integers.Normalize(Integers.FloorDivide(x, y)),
        (x, y) => y == 0 ? throw Errors.DivisionByZero("float floor division by zero") : FloorDivide(x, y));

    public static object? Modulo(Renderer renderer, object? a, object? b)
    {
        if (a is string or Markup)
        {
            return PercentFormat.Format(renderer, a, b);
        }

        return Numbers(
            "%",
            a,
            b,
            (x, y) => y.IsZero ? throw Errors.DivisionByZero("integer modulo by zero") : Integers.Normalize(Integers.FloorModulo(x, y)),
            (x, y) => y == 0 ? throw Errors.DivisionByZero("float modulo by zero") : FloorModulo(x, y));
    }

    public static object? Power(Renderer renderer, object? a, object? b) => Numbers(
        "** or pow()",
        a,
        b,
        (x, y) => y.Sign >= 0
            ? Integers.Power(renderer, x, y)
            : x.IsZero ? throw Errors.DivisionByZero("0.0 cannot be raised to a negative power") : Power(Integers.ToDouble(x), Integers.ToDouble(y)),
        (x, y) => Power(x, y));

    public static object? Negate(object? value) => value switch
    {
        long l when l != long.MinValue => -l,
        double d => -d,
        Undefined undefined => throw undefined.ToError(),
        _ => Integers.TryGet(value, out BigInteger integer) ? Integers.Normalize(-integer) : throw Errors.Type($"bad operand type for unary -: '{TypeNames.Of(value)}'"),
    };

    public static object? Plus(object? value) => value switch
    {
        double d => d,
        Undefined undefined => throw undefined.ToError(),
        _ => Integers.TryGet(value, out BigInteger integer) ? Integers.Normalize(integer) : throw Errors.Type($"bad operand type for unary +: '{TypeNames.Of(value)}'"),
    };

    /// <summary>A number as a double; false for what is no number.</summary>
    public static bool TryDouble(object? value, out double number)
    {
        if (value is double d)
        {
            number = d;
            return true;
        }

        bool isInteger = Integers.TryGet(value, out BigInteger integer);
        number = isInteger ? Integers.ToDouble(integer) : 0;
        return isInteger;
    }

    private static object? Numbers(string op, object? a, object? b, Func<BigInteger, BigInteger, object> integers, Func<double, double, double> doubles)
    {
        if (a is Undefined first)
        {
            throw first.ToError();
        }

        if (b is Undefined second)
        {
            throw second.ToError();
        }

        if (Integers.TryGet(a, out BigInteger x) && Integers.TryGet(b, out BigInteger y))
        {
            return integers(x, y);
        }

        return TryDouble(a, out double d) && TryDouble(b, out double e) ? doubles(d, e) : throw Errors.NoOperator(op, a, b);
    }

    private static double FloorDivide(double a, double b)
    {
        double modulo = a % b;
        double quotient = (a - modulo) / b;
        if (modulo != 0 && (b < 0) != (modulo < 0))
        {
            quotient -= 1;
        }

        if (quotient == 0)
        {
            return Math.CopySign(0, a / b);
        }

        double floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private static double FloorModulo(double a, double b)
    {
        double modulo = a % b;
        if (modulo == 0)
        {
            return Math.CopySign(0, b);
        }

        return (b < 0) != (modulo < 0) ? modulo + b : modulo;
    }

    private static double Power(double a, double b)
    {
        if (a == 0 && b < 0)
        {
            throw Errors.DivisionByZero("0.0 cannot be raised to a negative power");
        }

        if (a < 0 && double.IsFinite(a) && double.IsFinite(b) && Math.Floor(b) != b)
        {
            throw Errors.Value("a negative number to a fractional power is a complex number, which templates do not have");
        }

        double result = Math.Pow(a, b);
        return double.IsInfinity(result) && double.IsFinite(a) && double.IsFinite(b) ? throw Errors.Overflow("(34, 'Numerical result out of range')") : result;
    }

    private static bool IsRepeatable(object? value) => value is string or Markup or JinjaList or JinjaTuple or JinjaBytes;

    private static object Repeat(Renderer renderer, object value, BigInteger count)
    {
        int times = Math.Max(0, Integers.Clamp(count));
        switch (value)
        {
            case string or Markup:
                string text = Markup.TextOf(value)!;
                renderer.ChargeText((long)text.Length * times);
                string repeated = text.Length == 0 ? "" : string.Create(text.Length * times, text, static (span, part) =>
                {
                    for (int i = 0; i < span.Length; i += part.Length)
                    {
                        part.CopyTo(span[i..]);
                    }
                });
                return value is Markup ? new Markup(repeated) : repeated;
            case JinjaBytes bytes:
                renderer.ChargeText((long)bytes.Bytes.Length * times);
                return new JinjaBytes([.. Enumerable.Repeat(bytes.Bytes, bytes.Bytes.Length == 0 ? 0 : times).SelectMany(b => b)]);
            default:
                IReadOnlyList<object?> items = ((JinjaSequence)value).Items;
                renderer.ChargeItems((long)items.Count * times);
                var result = new object?[items.Count * (items.Count == 0 ? 0 : times)];
                for (int i = 0; i < result.Length; i++)
                {
                    result[i] = items[i % items.Count];
                }

                return value is JinjaList ? new JinjaList(result) : new JinjaTuple(result);
        }
    }

    private static string Join(Renderer renderer, string a, string b)
    {
        renderer.ChargeText(a.Length + (long)b.Length);
        return a + b;
    }

    private static object?[] Join(Renderer renderer, IReadOnlyList<object?> a, IReadOnlyList<object?> b)
    {
        renderer.ChargeItems(a.Count + (long)b.Count);
        return [.. a, .. b];
    }
}
