using System.Globalization;
using System.Text;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>Python's string escapes, as they come out of an encoding to ASCII with backslashes and back.</summary>
internal static class StringLiteral
{
    public static string Decode(ReadOnlySpan<char> body, int line)
    {
        if (!body.Contains('\\'))
        {
            return body.ToString();
        }

        var text = new StringBuilder(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\' || i + 1 == body.Length)
            {
                text.Append(body[i]);
                continue;
            }

            i++;
            i += DecodeEscape(body[i..], text, line) - 1;
        }

        return text.ToString();
    }

    /// <summary>Decodes what follows a backslash; returns how many characters it took.</summary>
    private static int DecodeEscape(ReadOnlySpan<char> rest, StringBuilder text, int line)
    {
        char c = rest[0];
        switch (c)
        {
            case '\n':
                return 1;
            case '\\' or '\'' or '"':
                text.Append(c);
                return 1;
            case 'a':
                text.Append('\a');
                return 1;
            case 'b':
                text.Append('\b');
                return 1;
            case 'f':
                text.Append('\f');
                return 1;
            case 'n':
                text.Append('\n');
                return 1;
            case 'r':
                text.Append('\r');
                return 1;
            case 't':
                text.Append('\t');
                return 1;
            case 'v':
                text.Append('\v');
                return 1;
            case 'x':
                return DecodeHex(rest, 2, text, line);
            case 'u':
                return DecodeHex(rest, 4, text, line);
            case 'U':
                return DecodeHex(rest, 8, text, line);
            case 'N':
                return DecodeName(rest, text, line);
            case >= '0' and <= '7':
                return DecodeOctal(rest, text);
            case > '\x7f':
                return DecodeNonAscii(rest, text);
            default:
                text.Append('\\').Append(c);
                return 1;
        }
    }

    private static int DecodeHex(ReadOnlySpan<char> rest, int digits, StringBuilder text, int line)
    {
        if (rest.Length <= digits || !int.TryParse(rest.Slice(1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value))
        {
            throw new TemplateSyntaxException($"truncated \\{rest[0]} escape in a string: {digits} hexadecimal digits are needed", line);
        }

        if (value is < 0 or > 0x10FFFF)
        {
            throw new TemplateSyntaxException($"illegal Unicode character \\U{value:x8} in a string", line);
        }

        CodePoints.Append(text, value);
        return digits + 1;
    }

    private static int DecodeName(ReadOnlySpan<char> rest, StringBuilder text, int line)
    {
        int close = rest.IndexOf('}');
        if (rest.Length < 2 || rest[1] != '{' || close < 0)
        {
            throw new TemplateSyntaxException("malformed \\N character escape in a string: it is written \\N{NAME}", line);
        }

        string name = rest[2..close].ToString();
        int value = UnicodeNames.Find(name) ?? throw new TemplateSyntaxException($"unknown Unicode character name '{name}' in a string", line);
        CodePoints.Append(text, value);
        return close + 1;
    }

    private static int DecodeOctal(ReadOnlySpan<char> rest, StringBuilder text)
    {
        int value = 0;
        int length = 0;
        while (length < 3 && length < rest.Length && rest[length] is >= '0' and <= '7')
        {
            value = (value * 8) + (rest[length++] - '0');
        }

        text.Append((char)value);
        return length;
    }

    /// <summary>A character beyond ASCII was itself escaped on the way, so that the backslash before it escapes that backslash and its code stays as text.</summary>
    private static int DecodeNonAscii(ReadOnlySpan<char> rest, StringBuilder text)
    {
        bool isPair = rest.Length > 1 && char.IsSurrogatePair(rest[0], rest[1]);
        int value = isPair ? char.ConvertToUtf32(rest[0], rest[1]) : rest[0];
        string code = value switch
        {
            <= 0xFF => $"x{value:x2}",
            <= 0xFFFF => $"u{value:x4}",
            _ => $"U{value:x8}",
        };
        text.Append('\\').Append(code);
        return isPair ? 2 : 1;
    }
}
