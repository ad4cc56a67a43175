using System.Globalization;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>strftime in the C locale, with the flags of the GNU library (<c>%-d</c>, <c>%_d</c>, <c>%^a</c>).</summary>
internal static class TimeFormat
{
    private const int MaxWidth = 1024;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public static string Format(Renderer renderer, string format)
    {
        DateTimeOffset now = renderer.Clock.GetLocalNow();
        var text = new StringBuilder();
        Expand(format, now, text);
        renderer.ChargeText(text.Length);
        return text.ToString();
    }

    private static void Expand(string format, DateTimeOffset now, StringBuilder text)
    {
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }

            int start = i++;
            int flagsStart = i;
            while (i < format.Length && format[i] is '-' or '_' or '0' or '^' or '#')
            {
                i++;
            }

            string flags = format[flagsStart..i];
            int width = 0;
            for (; i < format.Length && char.IsAsciiDigit(format[i]); i++)
            {
                width = Math.Min(MaxWidth, (width * 10) + (format[i] - '0'));
            }

            // E and O ask for forms of the locale, which the C locale does not have.
            i += i + 1 < format.Length && format[i] is 'E' or 'O' ? 1 : 0;
            string? field = i < format.Length ? Field(format[i], now, flags, width) : null;
            text.Append(field ?? format[start..Math.Min(i + 1, format.Length)]);
        }
    }

    private static string? Field(char code, DateTimeOffset now, string flags, int width)
    {
        string? composite = code switch
        {
            'c' => "%a %b %e %H:%M:%S %Y",
            'D' or 'x' => "%m/%d/%y",
            'F' => "%Y-%m-%d",
            'r' => "%I:%M:%S %p",
            'R' => "%H:%M",
            'T' or 'X' => "%H:%M:%S",
            _ => null,
        };
        if (composite is not null)
        {
            var text = new StringBuilder();
            Expand(composite, now, text);
            return Case(text.ToString(), flags).PadLeft(width);
        }

        return Number(code, now) is var (value, digits, pad) && digits >= 0
            ? Pad(value, digits, pad, flags, width)
            : Name(code, now, flags) is { } name ? Case(name, flags).PadLeft(width, flags.Contains('0', StringComparison.Ordinal) ? '0' : ' ') : null;
    }

    private static (long Value, int Digits, char Pad) Number(char code, DateTimeOffset now) => code switch
    {
        'C' => (now.Year / 100, 2, '0'),
        'd' => (now.Day, 2, '0'),
        'e' => (now.Day, 2, ' '),
        'g' => (ISOWeek.GetYear(now.DateTime) % 100, 2, '0'),
        'G' => (ISOWeek.GetYear(now.DateTime), 1, '0'),
        'H' => (now.Hour, 2, '0'),
        'I' => (((now.Hour + 11) % 12) + 1, 2, '0'),
        'j' => (now.DayOfYear, 3, '0'),
        'k' => (now.Hour, 2, ' '),
        'l' => (((now.Hour + 11) % 12) + 1, 2, ' '),
        'm' => (now.Month, 2, '0'),
        'M' => (now.Minute, 2, '0'),
        's' => (now.ToUnixTimeSeconds(), 1, '0'),
        'S' => (now.Second, 2, '0'),
        'f' => (now.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond, 6, '0'),
        'u' => (now.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)now.DayOfWeek, 1, '0'),
        'U' => ((now.DayOfYear + 6 - (int)now.DayOfWeek) / 7, 2, '0'),
        'V' => (ISOWeek.GetWeekOfYear(now.DateTime), 2, '0'),
        'w' => ((int)now.DayOfWeek, 1, '0'),
        'W' => ((now.DayOfYear + 6 - (((int)now.DayOfWeek + 6) % 7)) / 7, 2, '0'),
        'y' => (now.Year % 100, 2, '0'),
        'Y' => (now.Year, 1, '0'),
        _ => (0, -1, ' '),
    };

    private static string? Name(char code, DateTimeOffset now, string flags) => code switch
    {
        'a' => now.ToString("ddd", Culture),
        'A' => now.ToString("dddd", Culture),
        'b' or 'h' => now.ToString("MMM", Culture),
        'B' => now.ToString("MMMM", Culture),
        'p' => flags.Contains('#', StringComparison.Ordinal) ? (now.Hour < 12 ? "am" : "pm") : now.Hour < 12 ? "AM" : "PM",
        'P' => now.Hour < 12 ? "am" : "pm",
        'n' => "\n",
        't' => "\t",
        '%' => "%",
        // The clock is a local time without a zone.
        'z' or 'Z' => "",
        _ => null,
    };

    private static string Pad(long value, int digits, char pad, string flags, int width)
    {
        string text = value.ToString(Culture);
        foreach (char flag in flags)
        {
            pad = flag switch { '-' => '-', '_' => ' ', '0' => '0', _ => pad };
        }

        return pad == '-' ? text.PadLeft(width) : text.PadLeft(Math.Max(width, digits), pad);
    }

    private static string Case(string text, string flags) =>
        flags.Contains('^', StringComparison.Ordinal) || (flags.Contains('#', StringComparison.Ordinal) && text is not ("am" or "pm")) ? text.ToUpperInvariant() : text;
}
