using System.Globalization;
using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Integers of any size: a long where it fits, else a BigInteger.</summary>
internal static class Integers
{
    /// <summary>Python's limit for conversions between integers and texts, in digits.</summary>
    public const int MaxDigits = 4300;

    /// <summary>Larger results are refused: nothing that long could be printed.</summary>
    private const long MaxBits = 1 << 16;

    // The cast keeps the conditional from making a BigInteger of both.
    public static object Normalize(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;

    /// <summary>Also true and false are integers.</summary>
    public static bool TryGet(object? value, out BigInteger integer)
    {
        switch (value)
        {
            case long l:
                integer = l;
                return true;
            case bool b:
                integer = b ? 1 : 0;
                return true;
            case BigInteger big:
                integer = big;
                return true;
            default:
                integer = default;
                return false;
        }
    }

    public static int Clamp(BigInteger value) => value > int.MaxValue ? int.MaxValue : value < -int.MaxValue ? -int.MaxValue : (int)value;

    public static object ParseLiteral(string text) => text.Length > 2 && char.IsAsciiLetter(text[1])
        ? Normalize(ParseDigits(text.AsSpan(2), char.ToLowerInvariant(text[1]) switch { 'x' => 16, 'o' => 8, _ => 2 })!.Value)
        : Normalize(BigInteger.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));

    /// <summary>Python's int(text, base): signs, surrounding white space, single underscores, prefixes; null where the text is no integer.</summary>
    public static object? Parse(string text, int radix)
    {
        ReadOnlySpan<char> rest = text.AsSpan().TrimStartPython().TrimEndPython();
        bool isNegative = rest.StartsWith("-");
        if (isNegative || rest.StartsWith("+"))
        {
            rest = rest[1..];
        }

        int prefixRadix = rest.Length > 1 && rest[0] == '0' ? char.ToLowerInvariant(rest[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefixRadix != 0 && (radix == 0 || radix == prefixRadix))
        {
            radix = prefixRadix;
            rest = rest[2..];
            rest = rest.StartsWith("_") ? rest[1..] : rest;
        }
        else if (radix == 0)
        {
            // Without a prefix leading zeros are no decimal number.
            radix = rest.Length > 1 && rest[0] == '0' && rest.ContainsAnyExcept('0', '_') ? -1 : 10;
        }

        if (radix is < 2 or > 36)
        {
            return null;
        }

        return ParseDigits(rest, radix) is { } value ? Normalize(isNegative ? -value : value) : null;
    }

    public static string Print(object value)
    {
        if (value is long l)
        {
            return l.ToString(CultureInfo.InvariantCulture);
        }

        var big = (BigInteger)value;
        string text = big.ToString(CultureInfo.InvariantCulture);
        return text.Length - (big.Sign < 0 ? 1 : 0) <= MaxDigits
            ? text
            : throw Errors.Value($"Exceeds the limit ({MaxDigits} digits) for integer string conversion");
    }

    public static object Add(object a, object b)
    {
        if (a is long x && b is long y)
        {
            long sum = unchecked(x + y);
            if (((x ^ sum) & (y ^ sum)) >= 0)
            {
                return sum;
            }
        }

        return Normalize(Big(a) + Big(b));
    }

    public static object Multiply(Renderer renderer, object a, object b)
    {
        if (a is long x && b is long y && !(Math.BigMul(x, y, out long low) is var high && high != low >> 63))
        {
            return low;
        }

        BigInteger left = Big(a);
        BigInteger right = Big(b);
        RequireBits(renderer, left.GetBitLength() + right.GetBitLength());
        return Normalize(left * right);
    }

    public static object Power(Renderer renderer, BigInteger value, BigInteger exponent)
    {
        if (!value.IsOne && !value.IsZero && value != BigInteger.MinusOne)
        {
            RequireBits(renderer, exponent > MaxBits ? long.MaxValue : value.GetBitLength() * (long)exponent);
        }
        else if (exponent > 1)
        {
            // The powers of 0, 1 and -1 depend only on whether the exponent is even.
            exponent = exponent.IsEven ? 2 : 1;
        }

        return Normalize(BigInteger.Pow(value, (int)exponent));
    }

    public static BigInteger FloorDivide(BigInteger a, BigInteger b)
    {
        BigInteger quotient = BigInteger.DivRem(a, b, out BigInteger remainder);
        return !remainder.IsZero && (remainder.Sign < 0) != (b.Sign < 0) ? quotient - 1 : quotient;
    }

    /// <summary>The remainder with the sign of the divisor.</summary>
    public static BigInteger FloorModulo(BigInteger a, BigInteger b)
    {
        BigInteger remainder = BigInteger.Remainder(a, b);
        return !remainder.IsZero && (remainder.Sign < 0) != (b.Sign < 0) ? remainder + b : remainder;
    }

    /// <summary>The nearest double, ties to even.</summary>
    public static double ToDouble(BigInteger value) => Quotient(value, BigInteger.One, "int too large to convert to float");

    /// <summary>The correctly rounded quotient.</summary>
    public static double Divide(BigInteger a, BigInteger b) => Quotient(a, b, "integer division result too large for a float");

    private static double Quotient(BigInteger a, BigInteger b, string overflow)
    {
        if (a.IsZero)
        {
            return 0.0;
        }

        bool isNegative = (a.Sign < 0) != (b.Sign < 0);
        a = BigInteger.Abs(a);
        b = BigInteger.Abs(b);
        // 62 bits of the quotient are enough: the lowest one stands for everything below it, so that the one rounding to 53 bits sees how ties fall.
        long shift = a.GetBitLength() - b.GetBitLength() - 61;
        BigInteger quotient = BigInteger.DivRem(shift > 0 ? a : a << (int)-shift, shift > 0 ? b << (int)shift : b, out BigInteger remainder);
        long bits = (long)quotient | (remainder.IsZero ? 0L : 1L);
        double result = Math.ScaleB((double)bits, (int)shift);
        if (double.IsInfinity(result))
        {
            throw Errors.Overflow(overflow);
        }

        return isNegative ? -result : result;
    }

    private static BigInteger? ParseDigits(ReadOnlySpan<char> digits, int radix)
    {
        if (digits.IsEmpty || digits.Length > MaxDigits)
        {
            return null;
        }

        BigInteger value = BigInteger.Zero;
        for (int i = 0; i < digits.Length; i++)
        {
            int digit = DigitOf(digits[i]);
            if (digit >= 0 && digit < radix)
            {
                value = (value * radix) + digit;
            }
            else if (digits[i] != '_' || i == 0 || i == digits.Length - 1 || digits[i - 1] == '_')
            {
                return null;
            }
        }

        return value;
    }

    private static int DigitOf(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'z' => c - 'a' + 10,
        >= 'A' and <= 'Z' => c - 'A' + 10,
        > '\x7f' => CharUnicodeInfo.GetDecimalDigitValue(c),
        _ => -1,
    };

    private static BigInteger Big(object value) => value is long l ? l : (BigInteger)value;

    private static void RequireBits(Renderer renderer, long bits)
    {
        if (bits > MaxBits)
        {
            throw new TemplateLimitException($"The template computes an integer of about {bits} bits; integers are limited to {MaxBits} bits.");
        }

        // Schoolbook multiplication takes about this many word operations.
        renderer.ChargeItems(bits / 64 * (bits / 64) / 8);
    }
}
