using System.Globalization;
using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The number formats that <c>%</c> and <c>format</c> share; all give the digits without sign.</summary>
internal static class NumberFormat
{
    /// <summary>More digits than any double has; larger precisions are refused.</summary>
    private const int MaxPrecision = 5000;

    /// <summary>A double as e, f, g (or their capitals), % or, for '\0', like g but with a point.</summary>
    public static string Float(double value, char type, int? precision, bool isAlternate)
    {
        bool isUpper = char.IsUpper(type);
        string text = Lower(value, char.ToLowerInvariant(type), precision, isAlternate);
        return isUpper ? text.ToUpperInvariant() : text;
    }

    public static string Integer(BigInteger value, int radix, bool isUpper)
    {
        value = BigInteger.Abs(value);
        if (radix == 10)
        {
            return Integers.Print(Integers.Normalize(value));
        }

        if (value.IsZero)
        {
            return "0";
        }

        // The radix is a power of two: its digits are groups of bits.
        int bits = BitOperations.Log2((uint)radix);
        var digits = new StringBuilder();
        for (BigInteger rest = value; !rest.IsZero; rest >>= bits)
        {
            digits.Insert(0, "0123456789abcdef"[(int)(rest & (radix - 1))]);
        }

        return isUpper ? digits.ToString().ToUpperInvariant() : digits.ToString();
    }

    private static string Lower(double value, char type, int? precision, bool isAlternate)
    {
        if (precision > MaxPrecision)
        {
            throw Errors.Value($"a precision of {precision} is too large; at most {MaxPrecision} is allowed");
        }

        if (!double.IsFinite(value))
        {
            return (double.IsNaN(value) ? "nan" : "inf") + (type == '%' ? "%" : "");
        }

        switch (type)
        {
            case 'f':
                return WithPoint(Doubles.Fixed(value, precision ?? 6), isAlternate);
            case '%':
                return WithPoint(Doubles.Fixed(value * 100, precision ?? 6), isAlternate) + "%";
            case 'e':
                (string digits, int exponent) = Doubles.Significant(value, (precision ?? 6) + 1);
                return Scientific(digits, exponent, isAlternate);
            default:
                return General(value, precision, isAlternate, hasType: type != '\0');
        }
    }

    private static string General(double value, int? precision, bool isAlternate, bool hasType)
    {
        if (!hasType && precision is null)
        {
            return Doubles.Repr(Math.Abs(value));
        }

        int count = Math.Max(1, precision ?? 6);
        (string digits, int exponent) = Doubles.Significant(value, count);
        if (!isAlternate)
        {
            digits = digits.TrimEnd('0') is { Length: > 0 } trimmed ? trimmed : "0";
        }

        // Without a type a number must not lose its point, so that it turns to an exponent one digit earlier.
        if (exponent < -4 || exponent >= count - (hasType ? 0 : 1))
        {
            return Scientific(digits, exponent, isAlternate);
        }

        string text = Doubles.Place(digits, exponent, hasType ? "" : "0");
        return WithPoint(text, isAlternate);
    }

    private static string Scientific(string digits, int exponent, bool isAlternate) =>
        WithPoint(digits[..1] + (digits.Length > 1 ? "." + digits[1..] : ""), isAlternate) + Doubles.Exponent(exponent);

    private static string WithPoint(string text, bool isAlternate) => isAlternate && !text.Contains('.', StringComparison.Ordinal) ? text + "." : text;
}
