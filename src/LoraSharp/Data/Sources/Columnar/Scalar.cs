using System.Globalization;
using System.Numerics;

namespace LoraSharp.Data;

/// <summary>The values of column files as a <see cref="DataRow"/> holds them: text, true and false, 64-bit integers and floating-point numbers; dates and times as ISO 8601 text.</summary>
internal static class Scalar
{
    private const string DateTimeFormat = "yyyy-MM-ddTHH:mm:ss.FFFFFFFK";

    public static object Of(ulong value) => value <= long.MaxValue ? (object)(long)value : (decimal)value;

    public static object Of(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? (long)value : value.ToString(CultureInfo.InvariantCulture);

    public static object Of(DateTime value) => value.ToString(DateTimeFormat, CultureInfo.InvariantCulture);

    public static object Of(DateOnly value) => value.ToString("O", CultureInfo.InvariantCulture);

    public static object Of(TimeSpan value) => value.ToString("c", CultureInfo.InvariantCulture);
}
