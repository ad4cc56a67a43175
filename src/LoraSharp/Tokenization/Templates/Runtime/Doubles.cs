using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Doubles as texts, and rounding on their exact binary value.</summary>
internal static class Doubles
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.e+-");

    /// <summary>The shortest text that reads back as the same value, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Repr(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        (string digits, int exponent) = ShortestDigits(value);
        string sign = double.IsNegative(value) ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            return sign + digits[..1] + (digits.Length > 1 ? "." + digits[1..] : "") + Exponent(exponent);
        }

        return sign + Place(digits, exponent, "0");
    }

    /// <summary>An exponent with a sign and at least two digits.</summary>
    public static string Exponent(int exponent) => string.Create(CultureInfo.InvariantCulture, $"e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");

    /// <summary>The shortest digits, and the power of ten of the first one.</summary>
    public static (string Digits, int Exponent) ShortestDigits(double value)
    {
        if (value == 0)
        {
            return ("0", 0);
        }

        string shortest = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        int e = shortest.IndexOf('E', StringComparison.Ordinal);
        string digits = (e < 0 ? shortest : shortest[..e]).Replace(".", "", StringComparison.Ordinal).TrimStart('0').TrimEnd('0');
        if (e >= 0)
        {
            return (digits, int.Parse(shortest.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
        }

        int point = shortest.IndexOf('.', StringComparison.Ordinal);
        string whole = point < 0 ? shortest : shortest[..point];
        int exponent = whole.TrimStart('0').Length > 0
            ? whole.Length - 1
            : -1 - (shortest.Length - point - 1 - shortest[(point + 1)..].TrimStart('0').Length);
        return (digits, exponent);
    }

    /// <summary>Digits with their point in place; <paramref name="fraction"/> is what follows the point of a whole number (empty: no point).</summary>
    public static string Place(string digits, int exponent, string fraction)
    {
        if (exponent < 0)
        {
            return "0." + new string('0', -exponent - 1) + digits;
        }

        if (digits.Length > exponent + 1)
        {
            return digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
        }

        string whole = digits + new string('0', exponent + 1 - digits.Length);
        return fraction.Length == 0 ? whole : whole + "." + fraction;
    }

    /// <summary>The value times a power of ten, rounded half to even on the exact value; the sign is left out.</summary>
    public static BigInteger ScaledRound(double value, int decimals)
    {
        (BigInteger numerator, BigInteger denominator) = Ratio(Math.Abs(value));
        if (decimals >= 0)
        {
            numerator *= BigInteger.Pow(10, decimals);
        }
        else
        {
            denominator *= BigInteger.Pow(10, -decimals);
        }

        return RoundHalfEven(numerator, denominator);
    }

    public static BigInteger RoundHalfEven(BigInteger numerator, BigInteger denominator)
    {
        BigInteger quotient = Integers.FloorDivide(numerator, denominator);
        BigInteger twice = 2 * (numerator - (quotient * denominator));
        int order = twice.CompareTo(denominator);
        return order > 0 || (order == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    /// <summary>Digits with a fixed number of decimals, without sign.</summary>
    public static string Fixed(double value, int decimals)
    {
        string digits = ScaledRound(value, decimals).ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        return decimals == 0 ? digits : digits[..^decimals] + "." + digits[^decimals..];
    }

    /// <summary>A number of significant digits (at least one) and the power of ten of the first.</summary>
    public static (string Digits, int Exponent) Significant(double value, int count)
    {
        if (value == 0)
        {
            return (new string('0', count), 0);
        }

        int exponent = ShortestDigits(value).Exponent;
        string digits = ScaledRound(value, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
        // Rounding up may carry into a further digit.
        return digits.Length > count ? (digits[..count], exponent + 1) : (digits, exponent);
    }

    /// <summary>Python's round(value, decimals) of a float.</summary>
    public static double Round(double value, int decimals)
    {
        if (!double.IsFinite(value) || decimals > 323)
        {
            return value;
        }

        if (decimals < -308)
        {
            return Math.CopySign(0, value);
        }

        string digits = ScaledRound(value, decimals).ToString(CultureInfo.InvariantCulture);
        double rounded = double.Parse($"{digits}E{-decimals}", NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsInfinity(rounded) ? throw Errors.Overflow("rounded value too large to represent") : Math.CopySign(rounded, value);
    }

    /// <summary>Python's float(text); null where the text is no number.</summary>
    public static double? Parse(string text)
    {
        string trimmed = text.TrimPython();
        var cleaned = new StringBuilder(trimmed.Length);
        for (int i = 0; i < trimmed.Length; i++)
        {
            char c = trimmed[i];
            if (c == '_')
            {
                if (i == 0 || i == trimmed.Length - 1 || !char.IsDigit(trimmed[i - 1]) || !char.IsDigit(trimmed[i + 1]))
                {
                    return null;
                }
            }
            else
            {
                cleaned.Append(c > '\x7f' && char.IsDigit(c) ? (char)('0' + CharUnicodeInfo.GetDecimalDigitValue(c)) : c);
            }
        }

        string number = cleaned.ToString().ToLowerInvariant();
        string unsigned = number.TrimStart('+', '-');
        if (unsigned is "inf" or "infinity" or "nan" && number.Length - unsigned.Length <= 1)
        {
            return unsigned == "nan" ? double.NaN : number[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        }

        bool hasOtherLetters = unsigned.AsSpan().ContainsAnyExcept(NumberCharacters);
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return !hasOtherLetters && double.TryParse(number, Style, CultureInfo.InvariantCulture, out double value) ? value : null;
    }

    /// <summary>The exact value of a finite double as a fraction.</summary>
    public static (BigInteger Numerator, BigInteger Denominator) Ratio(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)((bits >> 52) & 0x7FF);
        long mantissa = bits & 0xFFFFFFFFFFFFFL;
        if (exponent == 0)
        {
            exponent++;
        }
        else
        {
            mantissa |= 1L << 52;
        }

        exponent -= 1075;
        BigInteger numerator = bits < 0 ? -mantissa : mantissa;
        return exponent >= 0 ? (numerator << exponent, BigInteger.One) : (numerator, BigInteger.One << -exponent);
    }
}
