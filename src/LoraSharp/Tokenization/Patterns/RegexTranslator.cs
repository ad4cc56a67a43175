using System.Globalization;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>
/// Rewrites a regular expression of Oniguruma's kind (Ruby syntax, code points) for .NET (UTF-16 units): classes become explicit sets that match
/// whole surrogate pairs, possessive quantifiers become atomic groups, ^ and $ are anchors of lines.
/// </summary>
internal sealed partial class RegexTranslator
{
    private const int MaxDepth = 100;
    private readonly string _source;
    private readonly bool _possessiveIntervals;
    private int _at;
    private int _depth;
    private bool _ignoreCase;
    private bool _dotMatchesNewline;
    private bool _extended;

    private RegexTranslator(string source, bool possessiveIntervals)
    {
        _source = source;
        _possessiveIntervals = possessiveIntervals;
    }

    /// <param name="source">The expression.</param>
    /// <param name="possessiveIntervals">Reads <c>{1,3}+</c> as possessive, as Rust and Java do; in Ruby it is a repetition of a repetition.</param>
    /// <exception cref="FormatException">The expression has a construct that is not supported, or an error.</exception>
    public static string Translate(string source, bool possessiveIntervals = false)
    {
        var translator = new RegexTranslator(source, possessiveIntervals);
        string result = translator.Alternation();
        return translator._at == source.Length ? result : throw translator.Error("there is a ) without a (");
    }

    private bool More => _at < _source.Length;

    private char Next => _source[_at];

    private string Alternation()
    {
        if (++_depth > MaxDepth)
        {
            throw Error($"groups are nested more than {MaxDepth} deep");
        }

        (bool ignoreCase, bool dot, bool extended) = (_ignoreCase, _dotMatchesNewline, _extended);
        var result = new StringBuilder();
        while (More && Next != ')')
        {
            if (Next == '|')
            {
                result.Append('|');
                _at++;
            }
            else
            {
                result.Append(Quantified());
            }
        }

        (_ignoreCase, _dotMatchesNewline, _extended) = (ignoreCase, dot, extended);
        _depth--;
        return result.ToString();
    }

    private string Quantified()
    {
        string? atom = Atom();
        if (atom is null)
        {
            return "";
        }

        while (TryQuantifier(out string quantifier, out bool isInterval))
        {
            bool lazy = TryTake('?');
            bool possessive = !lazy && (!isInterval || _possessiveIntervals) && TryTake('+');
            atom = possessive ? $"(?>{atom}{quantifier})" : lazy ? $"(?:{atom}{quantifier}?)" : $"(?:{atom}{quantifier})";
        }

        return atom;
    }

    private bool TryQuantifier(out string quantifier, out bool isInterval)
    {
        quantifier = "";
        isInterval = false;
        if (!More)
        {
            return false;
        }

        if (Next is '*' or '+' or '?')
        {
            quantifier = _source[_at++].ToString();
            return true;
        }

        if (Next != '{')
        {
            return false;
        }

        int close = _source.IndexOf('}', _at);
        string[] bounds = close < 0 ? [] : _source[(_at + 1)..close].Split(',');
        if (bounds.Length is 0 or > 2 || !Array.TrueForAll(bounds, bound => bound.All(char.IsAsciiDigit))
            || (bounds[0].Length == 0 && (bounds.Length == 1 || bounds[1].Length == 0)))
        {
            return false;
        }

        if (Array.Exists(bounds, bound => bound.Length > 6))
        {
            throw Error("a repetition is counted more than 999,999 times");
        }

        _at = close + 1;
        isInterval = true;
        quantifier = bounds.Length == 1 ? $"{{{bounds[0]}}}" : $"{{{(bounds[0].Length == 0 ? "0" : bounds[0])},{bounds[1]}}}";
        return true;
    }

    /// <summary>One atom in .NET's terms; null for what leaves nothing behind (comments, options for the rest of the group).</summary>
    private string? Atom()
    {
        int start = _at;
        int codePoint = TakeCodePoint();
        if (_extended && (codePoint == '#' || UnicodeText.IsWhiteSpace(codePoint)))
        {
            if (codePoint == '#')
            {
                int lineEnd = _source.IndexOf('\n', _at);
                _at = lineEnd < 0 ? _source.Length : lineEnd + 1;
            }

            return null;
        }

        return codePoint switch
        {
            '(' => Group(),
            '[' => Class().ToRegex(),
            '.' => (_dotMatchesNewline ? UnicodeProperties.Find("any") : CodePointSet.Of('\n').Complement()).ToRegex(),
            '^' => "(?m:^)",
            '$' => "(?m:$)",
            '\\' => Escape(),
            '*' or '+' or '?' => throw Error($"there is nothing to repeat at {start}"),
            _ => Literal(codePoint),
        };
    }

    private string Literal(int codePoint)
    {
        CodePointSet set = CodePointSet.Of(codePoint);
        return (_ignoreCase ? set.IgnoringCase() : set).ToRegex();
    }

    private string? Group()
    {
        if (!TryTake('?'))
        {
            return Close("(?:");
        }

        foreach (string kind in (ReadOnlySpan<string>)[":", "=", "!", ">", "<=", "<!"])
        {
            if (string.CompareOrdinal(_source, _at, kind, 0, kind.Length) == 0)
            {
                _at += kind.Length;
                return Close("(?" + kind);
            }
        }

        if (TryTake('#'))
        {
            int end = _source.IndexOf(')', _at);
            _at = end < 0 ? throw Error("a comment is not closed") : end + 1;
            return null;
        }

        if (More && Next is '<' or '\'')
        {
            // A name serves only back references, which are not supported.
            int end = _source.IndexOf(Next == '<' ? '>' : '\'', _at + 1);
            _at = end < 0 ? throw Error("a group's name is not closed") : end + 1;
            return Close("(?:");
        }

        return Options();
    }

    private string Close(string open)
    {
        string inner = Alternation();
        return TryTake(')') ? $"{open}{inner})" : throw Error("a ( is not closed");
    }

    /// <summary><c>(?i:...)</c>, or <c>(?i)</c> for the rest of the group around it, alternatives included.</summary>
    private string Options()
    {
        (bool ignoreCase, bool dot, bool extended) = (_ignoreCase, _dotMatchesNewline, _extended);
        bool on = true;
        while (More && Next is not (')' or ':'))
        {
            switch (_source[_at++])
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    _ignoreCase = on;
                    break;
                case 'm' or 's':
                    _dotMatchesNewline = on;
                    break;
                case 'x':
                    _extended = on;
                    break;
                case char other:
                    throw Error($"the group option '{other}' is not supported");
            }
        }

        string result;
        if (TryTake(':'))
        {
            result = Close("(?:");
        }
        else if (TryTake(')'))
        {
            result = $"(?:{Alternation()})";
        }
        else
        {
            throw Error("a ( is not closed");
        }

        (_ignoreCase, _dotMatchesNewline, _extended) = (ignoreCase, dot, extended);
        return result;
    }

    private string Escape()
    {
        if (!More)
        {
            throw Error("the expression ends with a \\");
        }

        switch (Next)
        {
            case 'A' or 'z' or 'Z' or 'G':
                return "\\" + _source[_at++];
            case 'b':
                _at++;
                string word = UnicodeProperties.BareWord.ToRegex();
                return $"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))";
            case 'B':
                _at++;
                string inner = UnicodeProperties.BareWord.ToRegex();
                return $"(?:(?<={inner})(?={inner})|(?<!{inner})(?!{inner}))";
            case 'w' or 'W':
                return (_source[_at++] == 'w' ? UnicodeProperties.BareWord : UnicodeProperties.BareWord.Complement()).ToRegex();
            case 'R':
                _at++;
                return "(?>\\r\\n|[\\n-\\r\\u0085\\u2028\\u2029])";
            case (>= '1' and <= '9') or 'k' or 'g' or 'K' or 'X':
                throw Error($"\\{Next} is not supported");
        }

        CodePointSet set = EscapedSet(out bool isClass);
        return (_ignoreCase && !isClass ? set.IgnoringCase() : set).ToRegex();
    }

    private bool TryTake(char c)
    {
        if (More && Next == c)
        {
            _at++;
            return true;
        }

        return false;
    }

    private int TakeCodePoint()
    {
        int codePoint = UnicodeText.CodePointAt(_source, _at, out int length);
        _at += length;
        return codePoint;
    }

    private FormatException Error(string problem) => new(string.Create(CultureInfo.InvariantCulture, $"{problem} (at character {_at})"));
}
