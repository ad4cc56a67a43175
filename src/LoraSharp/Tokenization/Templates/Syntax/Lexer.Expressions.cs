using System.Globalization;
using System.Numerics;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

internal sealed partial class Lexer
{
    /// <summary>Reads the tokens inside a tag, up to and with its end, which counts only where all brackets are closed.</summary>
    private void ReadExpressionTokens(bool isBlock)
    {
        _brackets.Clear();
        string end = isBlock ? "%}" : "}}";
        while (_position < _source.Length)
        {
            if (_brackets.Count == 0 && TryReadTagEnd(end, isBlock))
            {
                return;
            }

            char c = _source[_position];
            if (TextPredicates.IsSpace(c))
            {
                _position = SkipWhitespace(_position);
            }
            else if (char.IsAsciiDigit(c))
            {
                ReadNumber();
            }
            else if (c is '\'' or '"')
            {
                ReadString();
            }
            else if (IsNamePart(_position, out _))
            {
                ReadName();
            }
            else
            {
                ReadOperator();
            }
        }
    }

    private bool TryReadTagEnd(string end, bool isBlock)
    {
        char sign = SignAt(_position);
        int at = _position + (sign == '-' || (sign == '+' && isBlock) ? 1 : 0);
        if (string.CompareOrdinal(_source, at, end, 0, 2) != 0)
        {
            return false;
        }

        _tokens.Add(new Token(isBlock ? TokenKind.BlockEnd : TokenKind.VariableEnd, "", null, LineAt(_position)));
        EndTag(at + 2, at > _position ? sign : '\0', trimsNewline: isBlock);
        return true;
    }

    private void ReadNumber()
    {
        int start = _position;
        int line = LineAt(start);
        bool afterDot = start > 0 && _source[start - 1] == '.';
        int digits = ScanDigits(start);
        int end = digits;
        if (!afterDot)
        {
            if (CharAt(end) == '.' && ScanDigits(end + 1) is var fraction && fraction > end + 1)
            {
                end = fraction;
            }

            if (CharAt(end) is 'e' or 'E')
            {
                int exponent = end + (CharAt(end + 1) is '+' or '-' ? 2 : 1);
                end = ScanDigits(exponent) is var last && last > exponent ? last : end;
            }
        }

        if (end > digits)
        {
            string text = _source[start..end].Replace("_", "", StringComparison.Ordinal);
            _position = end;
            _tokens.Add(new Token(TokenKind.Float, text, double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture), line));
            return;
        }

        _position = ScanInteger(start);
        string integer = _source[start.._position].Replace("_", "", StringComparison.Ordinal);
        if (integer.Length > Integers.MaxDigits)
        {
            throw new TemplateSyntaxException($"An integer literal has {integer.Length} digits; at most {Integers.MaxDigits} are allowed", line);
        }

        _tokens.Add(new Token(TokenKind.Integer, integer, Integers.ParseLiteral(integer), line));
    }

    /// <summary>The end of a run of decimal digits with single underscores between them; the start itself if there is none.</summary>
    private int ScanDigits(int index)
    {
        int i = index;
        while (char.IsAsciiDigit(CharAt(i)) || (CharAt(i) == '_' && i > index && _source[i - 1] != '_' && char.IsAsciiDigit(CharAt(i + 1))))
        {
            i++;
        }

        return i;
    }

    private int ScanInteger(int index)
    {
        Func<char, bool>? isDigit = _source[index] != '0' ? null : CharAt(index + 1) switch
        {
            'b' or 'B' => c => c is '0' or '1',
            'o' or 'O' => c => c is >= '0' and <= '7',
            'x' or 'X' => char.IsAsciiHexDigit,
            _ => null,
        };
        int i = index + (isDigit is null ? 1 : 2);
        bool zero = isDigit is null && _source[index] == '0';
        isDigit ??= zero ? c => c == '0' : char.IsAsciiDigit;
        int first = i;
        while (isDigit(CharAt(i)) || (CharAt(i) == '_' && isDigit(CharAt(i + 1))))
        {
            i++;
        }

        // A prefix without digits is a zero followed by a name.
        return i == first && !zero && _source[index] == '0' ? index + 1 : i;
    }

    private char CharAt(int index) => index < _source.Length ? _source[index] : '\0';

    private void ReadString()
    {
        char quote = _source[_position];
        int i = _position + 1;
        while (i < _source.Length && _source[i] != quote)
        {
            i += _source[i] == '\\' ? 2 : 1;
        }

        int line = LineAt(_position);
        if (i >= _source.Length)
        {
            throw new TemplateSyntaxException($"unexpected char {quote} at {_position}: the string is not closed", line);
        }

        string value = StringLiteral.Decode(_source.AsSpan(_position + 1, i - _position - 1), line);
        _tokens.Add(new Token(TokenKind.String, value, value, line));
        _position = i + 1;
    }

    private void ReadName()
    {
        int start = _position;
        while (_position < _source.Length && IsNamePart(_position, out int length))
        {
            _position += length;
        }

        string name = _source[start.._position];
        int line = LineAt(start);
        if (!TextPredicates.IsIdentifier(name))
        {
            throw new TemplateSyntaxException($"Invalid character in identifier '{name}'", line);
        }

        _tokens.Add(new Token(TokenKind.Name, name, null, line));
    }

    private bool IsNamePart(int index, out int length)
    {
        bool isPair = char.IsSurrogatePair(CharAt(index), CharAt(index + 1));
        length = isPair ? 2 : 1;
        return TextPredicates.IsWordCharacter(isPair ? char.ConvertToUtf32(_source, index) : _source[index]);
    }

    private void ReadOperator()
    {
        int line = LineAt(_position);
        (TokenKind kind, int length) = (CharAt(_position), CharAt(_position + 1)) switch
        {
            ('/', '/') => (TokenKind.FloorDivide, 2),
            ('*', '*') => (TokenKind.Power, 2),
            ('=', '=') => (TokenKind.Equal, 2),
            ('!', '=') => (TokenKind.NotEqual, 2),
            ('>', '=') => (TokenKind.GreaterEqual, 2),
            ('<', '=') => (TokenKind.LessEqual, 2),
            ('+', _) => (TokenKind.Add, 1),
            ('-', _) => (TokenKind.Subtract, 1),
            ('/', _) => (TokenKind.Divide, 1),
            ('*', _) => (TokenKind.Multiply, 1),
            ('%', _) => (TokenKind.Modulo, 1),
            ('~', _) => (TokenKind.Tilde, 1),
            ('[', _) => (TokenKind.LeftBracket, 1),
            (']', _) => (TokenKind.RightBracket, 1),
            ('(', _) => (TokenKind.LeftParenthesis, 1),
            (')', _) => (TokenKind.RightParenthesis, 1),
            ('{', _) => (TokenKind.LeftBrace, 1),
            ('}', _) => (TokenKind.RightBrace, 1),
            ('>', _) => (TokenKind.Greater, 1),
            ('<', _) => (TokenKind.Less, 1),
            ('=', _) => (TokenKind.Assign, 1),
            ('.', _) => (TokenKind.Dot, 1),
            (':', _) => (TokenKind.Colon, 1),
            ('|', _) => (TokenKind.Pipe, 1),
            (',', _) => (TokenKind.Comma, 1),
            (';', _) => (TokenKind.Semicolon, 1),
            var (c, _) => throw new TemplateSyntaxException($"unexpected char '{c}' at {_position}", line),
        };
        TrackBrackets(_source[_position], line);
        _tokens.Add(new Token(kind, _source.Substring(_position, length), null, line));
        _position += length;
    }

    private void TrackBrackets(char c, int line)
    {
        switch (c)
        {
            case '(':
                _brackets.Push(')');
                break;
            case '[':
                _brackets.Push(']');
                break;
            case '{':
                _brackets.Push('}');
                break;
            case ')' or ']' or '}':
                if (!_brackets.TryPop(out char expected))
                {
                    throw new TemplateSyntaxException($"unexpected '{c}'", line);
                }

                if (expected != c)
                {
                    throw new TemplateSyntaxException($"unexpected '{c}', expected '{expected}'", line);
                }

                break;
            default:
                break;
        }
    }
}
