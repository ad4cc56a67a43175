using System.Globalization;

namespace LoraSharp.Quantization;

/// <summary>Numbers as Python's repr prints them, for files that are compared byte for byte.</summary>
internal static class PythonNumber
{
    /// <summary>The shortest digits that read back as the same double; an exponent below 1e-4 and from 1e16 upwards.</summary>
    public static string Format(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        // "E16" would print all 17 digits; "R" gives the shortest, in either notation, from which digits and exponent are taken.
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        string sign = text[0] == '-' ? "-" : "";
        string[] parts = text[sign.Length..].Split('E');
        int point = parts[0].IndexOf('.', StringComparison.Ordinal);
        string all = parts[0].Replace(".", "", StringComparison.Ordinal);
        int exponent = (point < 0 ? all.Length : point) - 1 + (parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0);
        string digits = all.TrimStart('0');
        exponent -= all.Length - digits.Length;
        digits = digits.TrimEnd('0');
        if (digits.Length == 0)
        {
            return sign + "0.0";
        }

        if (exponent is < -4 or >= 16)
        {
            string fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        if (exponent < 0)
        {
            return sign + "0." + new string('0', -exponent - 1) + digits;
        }

        string padded = digits.PadRight(exponent + 1, '0');
        string rest = padded[(exponent + 1)..];
        return $"{sign}{padded[..(exponent + 1)]}.{(rest.Length == 0 ? "0" : rest)}";
    }
}
