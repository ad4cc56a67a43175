using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>
/// Cuts a template into tokens: text, tags and what is in them. White space around tags is settled here: trim_blocks and lstrip_blocks are on,
/// <c>-</c> strips, <c>+</c> keeps.
/// </summary>
internal sealed partial class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private readonly Stack<char> _brackets = new();
    private int _position;
    private int _line = 1;
    private int _lineCountedTo;
    private bool _atLineStart = true;

    private Lexer(string source) => _source = source;

    public static List<Token> Tokenize(string source)
    {
        string normalized = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        // Exactly one newline at the end of a template is dropped.
        var lexer = new Lexer(normalized.EndsWith('\n') ? normalized[..^1] : normalized);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (_position < _source.Length)
        {
            int tag = NextTag(_position);
            if (tag < 0)
            {
                EmitText(_source[_position..]);
                _position = _source.Length;
                break;
            }

            ReadTag(tag);
        }

        _tokens.Add(new Token(TokenKind.End, "", null, LineAt(_source.Length)));
    }

    private void ReadTag(int tag)
    {
        char kind = _source[tag + 1];
        char sign = SignAt(tag + 2);
        EmitText(StripBefore(_source[_position..tag], sign, isVariable: kind == '{'));
        int line = LineAt(tag);
        _position = tag + 2 + (sign == '\0' ? 0 : 1);
        _atLineStart = false;
        if (kind == '%' && RawBegin(tag) is { } rawStart)
        {
            _position = rawStart;
            _atLineStart = _source[rawStart - 1] == '\n';
            ReadRaw(line);
        }
        else if (kind == '#')
        {
            ReadComment(line);
        }
        else
        {
            bool isBlock = kind == '%';
            _tokens.Add(new Token(isBlock ? TokenKind.BlockBegin : TokenKind.VariableBegin, "", null, line));
            ReadExpressionTokens(isBlock);
        }
    }

    private int NextTag(int from)
    {
        for (int i = _source.IndexOf('{', from); i >= 0 && i + 1 < _source.Length; i = _source.IndexOf('{', i + 1))
        {
            if (_source[i + 1] is '%' or '{' or '#')
            {
                return i;
            }
        }

        return -1;
    }

    private void ReadComment(int line)
    {
        int end = _source.IndexOf("#}", _position, StringComparison.Ordinal);
        if (_position == _source.Length)
        {
            // A comment that opens at the very end is let pass, as in the reference implementation.
            return;
        }

        if (end < 0)
        {
            throw new TemplateSyntaxException("Missing end of comment tag", line);
        }

        char sign = end > _position && _source[end - 1] is '-' or '+' ? _source[end - 1] : '\0';
        EndTag(end + 2, sign, trimsNewline: true);
    }

    /// <summary>The text of a raw block goes out as it is; only its edges obey white space control.</summary>
    private void ReadRaw(int line)
    {
        for (int tag = _source.IndexOf("{%", _position, StringComparison.Ordinal); tag >= 0; tag = _source.IndexOf("{%", tag + 1, StringComparison.Ordinal))
        {
            char before = SignAt(tag + 2);
            int i = SkipWhitespace(tag + 2 + (before == '\0' ? 0 : 1));
            if (string.CompareOrdinal(_source, i, "endraw", 0, 6) != 0)
            {
                continue;
            }

            i = SkipWhitespace(i + 6);
            char after = SignAt(i);
            i += after == '\0' ? 0 : 1;
            if (string.CompareOrdinal(_source, i, "%}", 0, 2) != 0)
            {
                continue;
            }

            EmitText(StripBefore(_source[_position..tag], before, isVariable: false));
            EndTag(i + 2, after, trimsNewline: true);
            return;
        }

        if (_position < _source.Length)
        {
            throw new TemplateSyntaxException("Missing end of raw directive", line);
        }
    }

    /// <summary>Where the text of a raw block begins if the tag is <c>{% raw %}</c>, else null. No newline is trimmed after it.</summary>
    private int? RawBegin(int tag)
    {
        int i = SkipWhitespace(tag + 2 + (SignAt(tag + 2) == '\0' ? 0 : 1));
        if (string.CompareOrdinal(_source, i, "raw", 0, 3) != 0)
        {
            return null;
        }

        i = SkipWhitespace(i + 3);
        if (string.CompareOrdinal(_source, i, "-%}", 0, 3) == 0)
        {
            return SkipWhitespace(i + 3);
        }

        return string.CompareOrdinal(_source, i, "%}", 0, 2) == 0 ? i + 2 : null;
    }

    private string StripBefore(string text, char sign, bool isVariable)
    {
        if (sign == '-')
        {
            return text.AsSpan().TrimEndPython().ToString();
        }

        if (sign == '+' || isVariable)
        {
            return text;
        }

        int lineStart = text.LastIndexOf('\n') + 1;
        bool isBlank = lineStart < text.Length && text.AsSpan(lineStart).TrimEndPython().IsEmpty;
        return isBlank && (lineStart > 0 || _atLineStart) ? text[..lineStart] : text;
    }

    private void EndTag(int end, char sign, bool trimsNewline)
    {
        if (sign == '-')
        {
            end = SkipWhitespace(end);
        }
        else if (sign != '+' && trimsNewline && end < _source.Length && _source[end] == '\n')
        {
            end++;
        }

        _position = end;
        _atLineStart = _source[end - 1] == '\n';
    }

    private void EmitText(string text)
    {
        if (text.Length > 0)
        {
            _tokens.Add(new Token(TokenKind.Data, text, null, LineAt(_position)));
        }
    }

    private char SignAt(int index) => index < _source.Length && _source[index] is '-' or '+' ? _source[index] : '\0';

    private int SkipWhitespace(int index)
    {
        while (index < _source.Length && TextPredicates.IsSpace(_source[index]))
        {
            index++;
        }

        return index;
    }

    /// <summary>The line of an index; indices are asked for in rising order.</summary>
    private int LineAt(int index)
    {
        if (index > _lineCountedTo)
        {
            _line += _source.AsSpan(_lineCountedTo, index - _lineCountedTo).Count('\n');
            _lineCountedTo = index;
        }

        return _line;
    }
}
