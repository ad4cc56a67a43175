using System.Globalization;
using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>What follows the colon in a field of <c>format</c>: <c>[[fill]align][sign][z][#][0][width][grouping][.precision][type]</c>.</summary>
internal sealed class FormatSpecification
{
    private string _fill = " ";
    private char _align;
    private char _sign = '-';
    private bool _isAlternate;
    private int _width;
    private char _grouping;
    private int? _precision;
    private char _type;

    public static string Format(Renderer renderer, object? value, string specification)
    {
        if (specification.Length == 0)
        {
            return Printing.Str(renderer, value);
        }

        if (value is not (string or Markup or bool or long or BigInteger or double))
        {
            throw Errors.Type($"unsupported format string passed to {TypeNames.Of(value)}.__format__");
        }

        FormatSpecification parsed = Parse(specification);
        renderer.ChargeText(parsed._width);
        return value switch
        {
            string or Markup => parsed.FormatText(Markup.TextOf(value)!),
            double d => parsed.FormatFloat(d),
            _ => parsed.FormatInteger(value),
        };
    }

    private static FormatSpecification Parse(string text)
    {
        var result = new FormatSpecification();
        int i = 0;
        int first = CodePoints.SizeAt(text, 0);
        if (first < text.Length && text[first] is '<' or '>' or '=' or '^')
        {
            result._fill = text[..first];
            result._align = text[first];
            i = first + 1;
        }
        else if (text[0] is '<' or '>' or '=' or '^')
        {
            result._align = text[0];
            i = 1;
        }

        if (Peek(text, i) is '+' or '-' or ' ')
        {
            result._sign = text[i++];
        }

        if (Peek(text, i) == '#')
        {
            result._isAlternate = true;
            i++;
        }

        if (Peek(text, i) == '0')
        {
            if (result._align == '\0')
            {
                result._fill = "0";
                result._align = '0';
            }

            i++;
        }

        result._width = ReadNumber(text, ref i) ?? 0;
        if (Peek(text, i) is ',' or '_')
        {
            result._grouping = text[i++];
        }

        if (Peek(text, i) == '.')
        {
            i++;
            result._precision = ReadNumber(text, ref i) ?? throw Errors.Value("Format specifier missing precision");
        }

        if (i < text.Length)
        {
            result._type = text[i++];
        }

        return i == text.Length ? result : throw Errors.Value($"Invalid format specifier '{text}'");
    }

    private static char Peek(string text, int index) => index < text.Length ? text[index] : '\0';

    private static int? ReadNumber(string text, ref int index)
    {
        int start = index;
        while (char.IsAsciiDigit(Peek(text, index)))
        {
            index++;
        }

        return index == start
            ? null
            : int.TryParse(text.AsSpan(start, index - start), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
                ? value
                : throw Errors.Value("Too many decimal digits in format string");
    }

    private string FormatText(string text)
    {
        if (_type is not ('\0' or 's'))
        {
            throw Errors.Value($"Unknown format code '{_type}' for object of type 'str'");
        }

        if (_align == '=' || _sign != '-' || _isAlternate || _grouping != '\0')
        {
            throw Errors.Value("Sign, '=', '#' and grouping are not allowed in string format specifier");
        }

        return Align(_precision is { } precision ? CodePoints.Slice(text, 0, precision) : text, '<');
    }

    private string FormatInteger(object value)
    {
        Integers.TryGet(value, out BigInteger integer);
        switch (_type)
        {
            case '\0' or 'd' or 'n':
                return FormatNumber(integer.Sign < 0, "", NumberFormat.Integer(integer, 10, false));
            case 'b':
                return FormatNumber(integer.Sign < 0, _isAlternate ? "0b" : "", NumberFormat.Integer(integer, 2, false));
            case 'o':
                return FormatNumber(integer.Sign < 0, _isAlternate ? "0o" : "", NumberFormat.Integer(integer, 8, false));
            case 'x' or 'X':
                return FormatNumber(integer.Sign < 0, _isAlternate ? "0" + _type : "", NumberFormat.Integer(integer, 16, _type == 'X'));
            case 'c':
                return Align(integer.Sign >= 0 && integer <= 0x10FFFF ? CodePoints.ToText((int)integer) : throw Errors.Overflow("%c arg not in range(0x110000)"), '<');
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%':
                return FormatFloat(Integers.ToDouble(integer));
            default:
                throw Errors.Value($"Unknown format code '{_type}' for object of type 'int'");
        }
    }

    private string FormatFloat(double value)
    {
        if (_type is not ('\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%'))
        {
            throw Errors.Value($"Unknown format code '{_type}' for object of type 'float'");
        }

        char type = _type == 'n' ? 'g' : _type;
        return FormatNumber(double.IsNegative(value) && !double.IsNaN(value), "", NumberFormat.Float(value, type, _precision, _isAlternate));
    }

    private string FormatNumber(bool isNegative, string prefix, string digits)
    {
        string sign = (isNegative ? "-" : _sign == '-' ? "" : _sign.ToString()) + prefix;
        int end = 0;
        while (end < digits.Length && char.IsAsciiLetterOrDigit(digits[end]) && !(digits[end] is 'e' or 'E' && _type is not ('x' or 'X')))
        {
            end++;
        }

        bool padsWithZeros = _align == '0' || (_align == '=' && _fill == "0");
        if (_grouping != '\0')
        {
            if (_grouping == ',' && _type is 'b' or 'o' or 'x' or 'X')
            {
                throw Errors.Value($"Cannot specify ',' with '{_type}'.");
            }

            int size = _type is 'b' or 'o' or 'x' or 'X' ? 4 : 3;
            int room = padsWithZeros ? _width - sign.Length - (digits.Length - end) : 0;
            return Align(sign, Group(digits[..end], size, room) + digits[end..]);
        }

        return Align(sign, digits);
    }

    /// <summary>Digits with separators; padded with zeros, which are grouped as well, up to a width.</summary>
    private string Group(string digits, int size, int width)
    {
        var text = new StringBuilder();
        for (int i = 0; i < digits.Length || text.Length < width; i++)
        {
            if (i > 0 && i % size == 0)
            {
                text.Insert(0, _grouping);
                if (i >= digits.Length && text.Length >= width)
                {
                    // A separator cannot come first: one more zero goes before it.
                    text.Insert(0, '0');
                    break;
                }
            }

            text.Insert(0, i < digits.Length ? digits[^(i + 1)] : '0');
        }

        return text.ToString();
    }

    private string Align(string sign, string digits) => _align is '=' or '0'
        ? sign + Repeat(_width - sign.Length - digits.Length) + digits
        : Align(sign + digits, '>');

    private string Align(string text, char usual)
    {
        int missing = _width - CodePoints.Length(text);
        return (_align is '\0' or '0' ? usual : _align) switch
        {
            '<' => text + Repeat(missing),
            '^' => Repeat(missing / 2) + text + Repeat(missing - (missing / 2)),
            _ => Repeat(missing) + text,
        };
    }

    private string Repeat(int count) => count <= 0 ? "" : string.Concat(Enumerable.Repeat(_fill, count));
}
