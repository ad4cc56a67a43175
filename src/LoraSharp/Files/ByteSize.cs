using System.Globalization;

namespace LoraSharp.Files;

/// <summary>Sizes as Hugging Face writes them: <c>4GB</c>, <c>500MB</c> (powers of ten) or <c>4GiB</c> (powers of two).</summary>
public static class ByteSize
{
    private static readonly (string Unit, long Bytes)[] Units =
    [
        ("GIB", 1L << 30), ("MIB", 1L << 20), ("KIB", 1L << 10), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000), ("B", 1),
    ];

    /// <summary>Parses a size.</summary>
    /// <exception cref="FormatException">The text is not a positive number with a known unit.</exception>
    public static long Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string upper = text.Trim().ToUpperInvariant();
        foreach (var (unit, bytes) in Units)
        {
            if (upper.EndsWith(unit, StringComparison.Ordinal)
                && decimal.TryParse(upper[..^unit.Length].Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
                && number <= long.MaxValue / bytes && number * bytes >= 1)
            {
                return (long)(number * bytes);
            }
        }

        throw new FormatException($"'{text}' is not a size; write a number and a unit, for example 4GB, 500MB or 2GiB.");
    }
}
