using System.Globalization;

namespace LoraSharp.Tokenization;

/// <content>Character classes and escapes.</content>
internal sealed partial class RegexTranslator
{
    /// <summary>A class in brackets; the opening one is already taken.</summary>
    private CodePointSet Class()
    {
        if (++_depth > MaxDepth)
        {
            throw Error($"classes are nested more than {MaxDepth} deep");
        }

        bool negated = TryTake('^');
        CodePointSet? intersection = null;
        CodePointSet current = CodePointSet.Empty;
        for (bool first = true; ; first = false)
        {
            if (!More)
            {
                throw Error("a [ is not closed");
            }

            if (Next == ']' && !first)
            {
                _at++;
                break;
            }

            if (string.CompareOrdinal(_source, _at, "&&", 0, 2) == 0)
            {
                _at += 2;
                intersection = intersection?.Intersect(current) ?? current;
                current = CodePointSet.Empty;
                continue;
            }

            current = current.Union(ClassItem());
        }

        CodePointSet result = intersection?.Intersect(current) ?? current;
        result = _ignoreCase ? result.IgnoringCase() : result;
        _depth--;
        return negated ? result.Complement() : result;
    }

    /// <summary>A nested class, a POSIX class, an escape, a character or a range.</summary>
    private CodePointSet ClassItem()
    {
        if (Next == '[')
        {
            if (string.CompareOrdinal(_source, _at, "[:", 0, 2) == 0 && _source.IndexOf(":]", _at, StringComparison.Ordinal) is >= 0 and int end)
            {
                string name = _source[(_at + 2)..end];
                _at = end + 2;
                return name.StartsWith('^') ? UnicodeProperties.Find(name[1..]).Complement() : UnicodeProperties.Find(name);
            }

            _at++;
            return Class();
        }

        CodePointSet set = ClassCharacter(out bool isClass);
        bool isRange = !isClass && _at + 1 < _source.Length && Next == '-' && _source[_at + 1] != ']';
        if (!isRange)
        {
            return set;
        }

        _at++;
        if (Next == '[')
        {
            // [a-[b]]: the dash is itself.
            return set.Union(CodePointSet.Of('-'));
        }

        CodePointSet last = ClassCharacter(out bool lastIsClass);
        if (lastIsClass)
        {
            return set.Union(CodePointSet.Of('-')).Union(last);
        }

        (int low, int high) = (set.Ranges[0].First, last.Ranges[0].First);
        return low <= high ? CodePointSet.OfRange(low, high) : throw Error("a range ends before it begins");
    }

    private CodePointSet ClassCharacter(out bool isClass)
    {
        isClass = false;
        int codePoint = TakeCodePoint();
        if (codePoint != '\\')
        {
            return CodePointSet.Of(codePoint);
        }

        if (!More)
        {
            throw Error("the expression ends with a \\");
        }

        if (Next == 'b')
        {
            _at++;
            return CodePointSet.Of('\b');
        }

        return EscapedSet(out isClass);
    }

    /// <summary>What an escape stands for; the backslash is already taken. <paramref name="isClass"/>: it is more than one character.</summary>
    private CodePointSet EscapedSet(out bool isClass)
    {
        int codePoint = TakeCodePoint();
        isClass = true;
        switch (codePoint)
        {
            case 'd':
                return UnicodeProperties.Digit;
            case 'D':
                return UnicodeProperties.Digit.Complement();
            case 'w':
                return UnicodeProperties.Word;
            case 'W':
                return UnicodeProperties.Word.Complement();
            case 's':
                return UnicodeProperties.WhiteSpace;
            case 'S':
                return UnicodeProperties.WhiteSpace.Complement();
            case 'h':
                return UnicodeProperties.Find("xdigit");
            case 'H':
                return UnicodeProperties.Find("xdigit").Complement();
            case 'N':
                return CodePointSet.Of('\n').Complement();
            case 'p':
                return Property();
            case 'P':
                return Property().Complement();
        }

        isClass = false;
        return CodePointSet.Of(codePoint switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => 0x1B,
            'x' => More && Next == '{' ? Hex(Braces(), 8) : Hex(Take(Math.Min(2, CountHex())), 2),
            'u' => Hex(Take(4), 4),
            '0' => 0,
            >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '1' and <= '9' => throw Error($"\\{(char)codePoint} is not supported"),
            _ => codePoint,
        });
    }

    private CodePointSet Property()
    {
        if (!More || Next != '{')
        {
            // \pL is \p{L}.
            return UnicodeProperties.Find(Take(1));
        }

        string name = Braces();
        return name.StartsWith('^') ? UnicodeProperties.Find(name[1..]).Complement() : UnicodeProperties.Find(name);
    }

    private string Braces()
    {
        int end = _source.IndexOf('}', _at);
        if (end < 0)
        {
            throw Error("a { is not closed");
        }

        string inner = _source[(_at + 1)..end];
        _at = end + 1;
        return inner;
    }

    private string Take(int count)
    {
        if (_at + count > _source.Length)
        {
            throw Error("the expression ends within an escape");
        }

        string taken = _source.Substring(_at, count);
        _at += count;
        return taken;
    }

    private int CountHex()
    {
        int count = 0;
        while (_at + count < _source.Length && char.IsAsciiHexDigit(_source[_at + count]))
        {
            count++;
        }

        return count;
    }

    private int Hex(string digits, int maxDigits)
    {
        if (digits.Length == 0)
        {
            return 0;
        }

        return digits.Length <= maxDigits && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            && value is >= 0 and <= 0x10FFFF and not (>= 0xD800 and <= 0xDFFF)
            ? value
            : throw Error($"'{digits}' is not a character's number");
    }
}
