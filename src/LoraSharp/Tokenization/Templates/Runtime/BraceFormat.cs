using System.Globalization;
using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The method <c>format</c>: <c>'{} {name.attr[key]!r:>{width}}'</c>. Lookups in it obey the sandbox.</summary>
internal sealed class BraceFormat
{
    private readonly Renderer _renderer;
    private readonly CallArguments _arguments;
    private readonly bool _escapes;
    private int? _next = 0;

    private BraceFormat(Renderer renderer, CallArguments arguments, bool escapes)
    {
        _renderer = renderer;
        _arguments = arguments;
        _escapes = escapes;
    }

    public static object Format(Renderer renderer, object text, CallArguments arguments)
    {
        string result = new BraceFormat(renderer, arguments, text is Markup).Expand(Markup.TextOf(text)!, 2);
        return text is Markup ? new Markup(result) : result;
    }

    private string Expand(string format, int depth)
    {
        if (depth < 0)
        {
            throw Errors.Value("Max string recursion exceeded");
        }

        var text = new TemplateOutput(_renderer);
        int i = 0;
        while (i < format.Length)
        {
            int brace = format.AsSpan(i).IndexOfAny('{', '}');
            if (brace < 0)
            {
                text.Append(format[i..]);
                break;
            }

            text.Append(format.Substring(i, brace));
            i += brace;
            char c = format[i];
            if (i + 1 < format.Length && format[i + 1] == c)
            {
                text.Append(c.ToString());
                i += 2;
                continue;
            }

            if (c == '}')
            {
                throw Errors.Value("Single '}' encountered in format string");
            }

            int end = FieldEnd(format, i + 1);
            text.Append(Field(format[(i + 1)..end], depth));
            i = end + 1;
        }

        return text.ToString();
    }

    private static int FieldEnd(string format, int start)
    {
        int open = 1;
        for (int i = start; i < format.Length; i++)
        {
            open += format[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (open == 0)
            {
                return i;
            }
        }

        throw Errors.Value(start == format.Length ? "Single '{' encountered in format string" : "expected '}' before end of string");
    }

    private string Field(string field, int depth)
    {
        int nameEnd = 0;
        bool inBrackets = false;
        while (nameEnd < field.Length && (inBrackets || field[nameEnd] is not (':' or '!')))
        {
            inBrackets = field[nameEnd] == '[' || (inBrackets && field[nameEnd] != ']');
            nameEnd++;
        }

        object? value = Value(field[..nameEnd]);
        int i = nameEnd;
        bool isConverted = false;
        if (i < field.Length && field[i] == '!')
        {
            char conversion = i + 1 < field.Length ? field[i + 1] : throw Errors.Value("end of string while looking for conversion specifier");
            value = conversion switch
            {
                's' => Printing.Str(_renderer, value),
                'r' => Printing.Repr(_renderer, value),
                'a' => PercentFormat.Ascii(_renderer, value),
                _ => throw Errors.Value($"Unknown conversion specifier '{conversion}'"),
            };
            isConverted = true;
            i += 2;
            if (i < field.Length && field[i] != ':')
            {
                throw Errors.Value("expected ':' after conversion specifier");
            }
        }

        string specification = i < field.Length ? Expand(field[(i + 1)..], depth - 1) : "";
        string text = FormatSpecification.Format(_renderer, value, specification);
        return _escapes && (isConverted || value is not Markup) ? Markup.Escape(_renderer, text).Text : text;
    }

    private object? Value(string name)
    {
        int end = name.AsSpan().IndexOfAny('.', '[');
        string first = end < 0 ? name : name[..end];
        object? value = Argument(first);
        int i = end < 0 ? name.Length : end;
        while (i < name.Length)
        {
            if (name[i] == '.')
            {
                int stop = name.AsSpan(i + 1).IndexOfAny('.', '[') is var next && next < 0 ? name.Length : i + 1 + next;
                string attribute = name[(i + 1)..stop];
                value = attribute.Length > 0 ? Lookup.Attribute(_renderer, value, attribute) : throw Errors.Value("Empty attribute in format string");
                i = stop;
            }
            else if (name[i] == '[' && name.IndexOf(']', i) is var close && close > i + 1)
            {
                string key = name[(i + 1)..close];
                value = Lookup.Item(_renderer, value, IsNumber(key) ? Integers.Normalize(BigInteger.Parse(key, CultureInfo.InvariantCulture)) : key);
                i = close + 1;
            }
            else
            {
                throw Errors.Value(name[i] == '[' ? "Missing ']' in format string" : "Only '.' or '[' may follow ']' in format field specifier");
            }
        }

        return value;
    }

    private object? Argument(string name)
    {
        if (name.Length > 0 && !IsNumber(name))
        {
            return _arguments.Named is not null && _arguments.Named.TryGetValue(name, out object? value) ? value : throw Errors.Key($"'{name}'");
        }

        int index;
        if (name.Length == 0)
        {
            index = _next ?? throw Errors.Value("cannot switch from manual field specification to automatic field numbering");
            _next++;
        }
        else
        {
            if (_next > 0)
            {
                throw Errors.Value("cannot switch from automatic field numbering to manual field specification");
            }

            _next = null;
            index = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue;
        }

        return index < _arguments.Positional.Count
            ? _arguments.Positional[index]
            : throw Errors.Index($"Replacement index {index} out of range for positional args tuple");
    }

    private static bool IsNumber(string text) => text.Length is > 0 and <= Integers.MaxDigits && !text.AsSpan().ContainsAnyExceptInRange('0', '9');
}
