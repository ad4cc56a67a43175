using System.Globalization;
using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The operator <c>%</c> on texts: <c>'%s %(name)5.2f' % values</c>.</summary>
internal sealed class PercentFormat
{
    private readonly Renderer _renderer;
    private readonly string _format;
    private readonly object? _argument;
    private readonly IReadOnlyList<object?> _values;
    private readonly bool _escapes;
    private int _used;
    private int _index;

    private PercentFormat(Renderer renderer, object format, object? argument)
    {
        _renderer = renderer;
        _format = Markup.TextOf(format)!;
        _argument = argument;
        _values = argument is JinjaTuple tuple ? tuple.Items : [argument];
        _escapes = format is Markup;
    }

    public static object Format(Renderer renderer, object format, object? argument)
    {
        string text = new PercentFormat(renderer, format, argument).Expand();
        return format is Markup ? new Markup(text) : text;
    }

    /// <summary>Python's ascii(): a repr with everything beyond ASCII escaped.</summary>
    public static string Ascii(Renderer renderer, object? value)
    {
        var text = new StringBuilder();
        foreach (int c in CodePoints.Of(Printing.Repr(renderer, value)))
        {
            _ = c switch
            {
                < 0x80 => text.Append((char)c),
                <= 0xFF => text.Append(CultureInfo.InvariantCulture, $"\\x{c:x2}"),
                <= 0xFFFF => text.Append(CultureInfo.InvariantCulture, $"\\u{c:x4}"),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\U{c:x8}"),
            };
        }

        return text.ToString();
    }

    private string Expand()
    {
        var text = new TemplateOutput(_renderer);
        while (_index < _format.Length)
        {
            int percent = _format.IndexOf('%', _index);
            if (percent < 0)
            {
                text.Append(_format[_index..]);
                break;
            }

            text.Append(_format[_index..percent]);
            _index = percent + 1;
            text.Append(Conversion());
        }

        // Mappings and lists may go unused, single values and tuples may not.
        bool mayRemain = _argument is JinjaDict or JinjaList or JinjaRange or JinjaBytes or Undefined or DictView;
        return _used < _values.Count && !mayRemain ? throw Errors.Type("not all arguments converted during string formatting") : text.ToString();
    }

    private string Conversion()
    {
        object? keyed = Missing.Value;
        if (Peek() == '(')
        {
            keyed = KeyedValue();
        }

        int flagsStart = _index;
        while (Peek() is '-' or '+' or ' ' or '#' or '0')
        {
            _index++;
        }

        string flags = _format[flagsStart.._index];
        int width = Number() ?? 0;
        if (width < 0)
        {
            flags += "-";
            width = -width;
        }

        int? precision = null;
        if (Peek() == '.')
        {
            _index++;
            precision = Math.Max(0, Number() ?? 0);
        }

        if (Peek() is 'h' or 'l' or 'L')
        {
            _index++;
        }

        char type = _index < _format.Length ? _format[_index++] : throw Errors.Value("incomplete format");
        _renderer.ChargeText(width);
        if (type == '%')
        {
            return "%";
        }

        object? value = ReferenceEquals(keyed, Missing.Value) ? NextValue() : keyed;
        (string sign, string text, bool isNumber) = Convert(value, type, precision, flags);
        int missing = width - CodePoints.Length(sign) - CodePoints.Length(text);
        if (missing <= 0)
        {
            return sign + text;
        }

        return flags.Contains('-', StringComparison.Ordinal) ? sign + text + new string(' ', missing)
            : isNumber && flags.Contains('0', StringComparison.Ordinal) ? sign + new string('0', missing) + text
            : new string(' ', missing) + sign + text;
    }

    private (string Sign, string Text, bool IsNumber) Convert(object? value, char type, int? precision, string flags)
    {
        switch (type)
        {
            case 's' or 'r' or 'a':
                string text = type == 's' ? Text(value) : type == 'r' ? Printing.Repr(_renderer, value) : Ascii(_renderer, value);
                text = _escapes && type != 's' ? Markup.Escape(_renderer, text).Text : text;
                return ("", precision is { } length ? CodePoints.Slice(text, 0, length) : text, false);
            case 'c':
                return ("", Character(value), false);
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'o':
                return ConvertInteger(value, type, precision, flags);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                double number = value is Undefined undefined ? throw undefined.ToError()
                    : Arithmetic.TryDouble(value, out double d) ? d : throw Errors.Type($"must be real number, not {TypeNames.Of(value)}");
                string digits = NumberFormat.Float(number, type, precision ?? 6, flags.Contains('#', StringComparison.Ordinal));
                return (Sign(double.IsNegative(number) && !double.IsNaN(number), flags), digits, true);
            default:
                throw Errors.Value($"unsupported format character '{type}' (0x{(int)type:x}) at index {_index - 1}");
        }
    }

    private static (string Sign, string Text, bool IsNumber) ConvertInteger(object? value, char type, int? precision, string flags)
    {
        if (value is Undefined undefined)
        {
            throw undefined.ToError();
        }

        bool isDecimal = type is 'd' or 'i' or 'u';
        if (!Integers.TryGet(value, out BigInteger integer))
        {
            // Only the decimal conversions cut a float.
            integer = value is double d && isDecimal && double.IsFinite(d)
                ? new BigInteger(d)
                : throw Errors.Type($"%{type} format: {(isDecimal ? "a real number" : "an integer")} is required, not {TypeNames.Of(value)}");
        }

        int radix = isDecimal ? 10 : type == 'o' ? 8 : 16;
        string digits = NumberFormat.Integer(integer, radix, type == 'X');
        if (precision > Integers.MaxDigits)
        {
            throw Errors.Value($"a precision of {precision} is too large; at most {Integers.MaxDigits} is allowed");
        }

        digits = digits.PadLeft(precision ?? 0, '0');
        string prefix = flags.Contains('#', StringComparison.Ordinal) && !isDecimal ? "0" + type : "";
        return (Sign(integer.Sign < 0, flags) + prefix, digits, true);
    }

    private static string Sign(bool isNegative, string flags) =>
        isNegative ? "-" : flags.Contains('+', StringComparison.Ordinal) ? "+" : flags.Contains(' ', StringComparison.Ordinal) ? " " : "";

    private string Text(object? value) => _escapes ? Markup.Escape(_renderer, value).Text : Printing.Str(_renderer, value);

    private static string Character(object? value)
    {
        if (Markup.TextOf(value) is { } text && CodePoints.Length(text) == 1)
        {
            return text;
        }

        return Integers.TryGet(value, out BigInteger code)
            ? code.Sign >= 0 && code <= 0x10FFFF ? CodePoints.ToText((int)code) : throw Errors.Overflow("%c arg not in range(0x110000)")
            : throw Errors.Type("%c requires int or char");
    }

    private object? KeyedValue()
    {
        int start = ++_index;
        for (int open = 1; open > 0; _index++)
        {
            open += Peek() switch { '(' => 1, ')' => -1, '\0' when _index >= _format.Length => throw Errors.Value("incomplete format key"), _ => 0 };
        }

        string key = _format[start..(_index - 1)];
        if (_argument is not JinjaDict dict)
        {
            throw _argument is Undefined undefined ? undefined.ToError() : Errors.Type("format requires a mapping");
        }

        _used = _values.Count;
        return dict.TryGet(key, out object? value) ? value : throw Errors.Key($"'{key}'");
    }

    private int? Number()
    {
        if (Peek() == '*')
        {
            _index++;
            return Integers.TryGet(NextValue(), out BigInteger star) ? Integers.Clamp(star) : throw Errors.Type("* wants int");
        }

        int start = _index;
        while (char.IsAsciiDigit(Peek()))
        {
            _index++;
        }

        return start == _index
            ? null
            : int.TryParse(_format.AsSpan(start, _index - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : throw Errors.Value("width too big");
    }

    private object? NextValue() => _used < _values.Count ? _values[_used++] : throw Errors.Type("not enough arguments for format string");

    private char Peek() => _index < _format.Length ? _format[_index] : '\0';
}
