using System.Text;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

internal sealed partial class Parser
{
    /// <summary>An expression, or several separated by commas, which make a tuple.</summary>
    private Expression ParseTuple(bool withConditional = true, string? end = null, bool inParentheses = false)
    {
        int line = Current.Line;
        var items = new List<Expression>();
        bool isTuple = false;
        while (true)
        {
            if (items.Count > 0)
            {
                Expect(TokenKind.Comma, ",");
            }

            if (IsTupleEnd(end))
            {
                break;
            }

            items.Add(withConditional ? ParseExpression() : ParseOr());
            if (Current.Kind != TokenKind.Comma)
            {
                break;
            }

            isTuple = true;
        }

        if (!isTuple)
        {
            if (items.Count > 0)
            {
                return items[0];
            }

            if (!inParentheses)
            {
                throw Error($"Expected an expression, got '{Current.Describe()}'");
            }
        }

        return new TupleExpression(items, line);
    }

    private bool IsTupleEnd(string? end) =>
        Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd or TokenKind.RightParenthesis || (end is not null && Current.IsName(end));

    private Expression ParseExpression()
    {
        Enter();
        int line = Current.Line;
        Expression value = ParseOr();
        while (SkipIfName("if"))
        {
            Expression test = ParseOr();
            Expression? otherwise = SkipIfName("else") ? ParseExpression() : null;
            value = new ConditionalExpression(test, value, otherwise, line);
            line = Current.Line;
        }

        Leave();
        return value;
    }

    private Expression ParseOr()
    {
        int line = Current.Line;
        Expression left = ParseAnd();
        while (SkipIfName("or"))
        {
            left = new LogicalExpression(false, left, ParseAnd(), line);
        }

        return left;
    }

    private Expression ParseAnd()
    {
        int line = Current.Line;
        Expression left = ParseNot();
        while (SkipIfName("and"))
        {
            left = new LogicalExpression(true, left, ParseNot(), line);
        }

        return left;
    }

    private Expression ParseNot()
    {
        int line = Current.Line;
        if (!SkipIfName("not"))
        {
            return ParseComparison();
        }

        Enter();
        var negation = new NotExpression(ParseNot(), line);
        Leave();
        return negation;
    }

    private Expression ParseComparison()
    {
        int line = Current.Line;
        Expression first = ParseSum();
        var rest = new List<(Comparison, Expression)>();
        while (ReadComparison() is { } comparison)
        {
            rest.Add((comparison, ParseSum()));
        }

        return rest.Count == 0 ? first : new CompareExpression(first, rest, line);
    }

    private Comparison? ReadComparison()
    {
        Comparison? comparison = Current.Kind switch
        {
            TokenKind.Equal => Comparison.Equal,
            TokenKind.NotEqual => Comparison.NotEqual,
            TokenKind.Less => Comparison.Less,
            TokenKind.LessEqual => Comparison.LessEqual,
            TokenKind.Greater => Comparison.Greater,
            TokenKind.GreaterEqual => Comparison.GreaterEqual,
            _ when Current.IsName("in") => Comparison.In,
            _ when Current.IsName("not") && Ahead.IsName("in") => Comparison.NotIn,
            _ => null,
        };
        _index += comparison switch { null => 0, Comparison.NotIn => 2, _ => 1 };
        return comparison;
    }

    private Expression ParseSum()
    {
        int line = Current.Line;
        Expression left = ParseConcat();
        while (Current.Kind is TokenKind.Add or TokenKind.Subtract)
        {
            TokenKind op = Next().Kind;
            left = new BinaryExpression(op, left, ParseConcat(), line);
        }

        return left;
    }

    private Expression ParseConcat()
    {
        int line = Current.Line;
        Expression first = ParseProduct();
        if (Current.Kind != TokenKind.Tilde)
        {
            return first;
        }

        var parts = new List<Expression> { first };
        while (SkipIf(TokenKind.Tilde))
        {
            parts.Add(ParseProduct());
        }

        return new ConcatExpression(parts, line);
    }

    private Expression ParseProduct()
    {
        int line = Current.Line;
        Expression left = ParsePower();
        while (Current.Kind is TokenKind.Multiply or TokenKind.Divide or TokenKind.FloorDivide or TokenKind.Modulo)
        {
            TokenKind op = Next().Kind;
            left = new BinaryExpression(op, left, ParsePower(), line);
        }

        return left;
    }

    /// <summary>Powers group from the left here, unlike in Python.</summary>
    private Expression ParsePower()
    {
        int line = Current.Line;
        Expression left = ParseUnary(withFilters: true);
        while (SkipIf(TokenKind.Power))
        {
            left = new BinaryExpression(TokenKind.Power, left, ParseUnary(withFilters: true), line);
        }

        return left;
    }

    private Expression ParseUnary(bool withFilters)
    {
        Token token = Current;
        Expression value;
        if (token.Kind is TokenKind.Subtract or TokenKind.Add)
        {
            Enter();
            Next();
            value = new UnaryExpression(token.Kind, ParseUnary(withFilters: false), token.Line);
            Leave();
        }
        else
        {
            value = ParsePrimary();
        }

        value = ParsePostfix(value);
        return withFilters ? ParseFiltersAndTests(value) : value;
    }

    private Expression ParsePrimary()
    {
        Token token = Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                Next();
                return token.Text switch
                {
                    "true" or "True" => new ConstantExpression(true, token.Line),
                    "false" or "False" => new ConstantExpression(false, token.Line),
                    "none" or "None" => new ConstantExpression(null, token.Line),
                    _ => new NameExpression(token.Text, token.Line),
                };
            case TokenKind.String:
                return ParseStrings();
            case TokenKind.Integer or TokenKind.Float:
                Next();
                return new ConstantExpression(token.Value, token.Line);
            case TokenKind.LeftParenthesis:
                Next();
                Expression inner = ParseTuple(inParentheses: true);
                Expect(TokenKind.RightParenthesis, ")");
                return inner;
            case TokenKind.LeftBracket:
                return new ListExpression(ParseItems(TokenKind.RightBracket, "]", ParseExpression), token.Line);
            case TokenKind.LeftBrace:
                return new DictExpression(ParseItems(TokenKind.RightBrace, "}", ParsePair), token.Line);
            default:
                throw Error($"unexpected '{token.Describe()}'");
        }
    }

    /// <summary>Adjacent string literals are one string.</summary>
    private ConstantExpression ParseStrings()
    {
        int line = Current.Line;
        string first = (string)Next().Value!;
        if (Current.Kind != TokenKind.String)
        {
            return new ConstantExpression(first, line);
        }

        var text = new StringBuilder(first);
        while (Current.Kind == TokenKind.String)
        {
            text.Append((string)Next().Value!);
        }

        return new ConstantExpression(text.ToString(), line);
    }

    private List<T> ParseItems<T>(TokenKind close, string description, Func<T> parseItem)
    {
        Next();
        var items = new List<T>();
        while (Current.Kind != close)
        {
            if (items.Count > 0)
            {
                Expect(TokenKind.Comma, ",");
                if (Current.Kind == close)
                {
                    break;
                }
            }

            items.Add(parseItem());
        }

        Expect(close, description);
        return items;
    }

    private (Expression Key, Expression Value) ParsePair()
    {
        Expression key = ParseExpression();
        Expect(TokenKind.Colon, ":");
        return (key, ParseExpression());
    }

    private Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            switch (Current.Kind)
            {
                case TokenKind.Dot:
                    value = ParseDot(value);
                    break;
                case TokenKind.LeftBracket:
                    value = ParseSubscript(value);
                    break;
                case TokenKind.LeftParenthesis:
                    value = new CallExpression(value, ParseArguments(out int line), line);
                    break;
                default:
                    return value;
            }
        }
    }

    private Expression ParseFiltersAndTests(Expression value)
    {
        while (true)
        {
            if (SkipIf(TokenKind.Pipe))
            {
                value = ParseFilter(value);
            }
            else if (Current.IsName("is"))
            {
                value = ParseTest(value);
            }
            else if (Current.Kind == TokenKind.LeftParenthesis)
            {
                value = new CallExpression(value, ParseArguments(out int line), line);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ParseDot(Expression value)
    {
        int line = Next().Line;
        Token name = Next();
        return name.Kind switch
        {
            TokenKind.Name => new AttributeExpression(value, name.Text, line),
            TokenKind.Integer => new ItemExpression(value, new ConstantExpression(name.Value, line), line),
            _ => throw Error("expected name or number", name.Line),
        };
    }

    private Expression ParseSubscript(Expression value)
    {
        int line = Next().Line;
        if (Current.Kind != TokenKind.Colon)
        {
            Expression first = Current.Kind == TokenKind.RightBracket ? new TupleExpression([], line) : ParseExpression();
            if (Current.Kind != TokenKind.Colon)
            {
                return ParseIndexRest(value, first, line);
            }

            return ParseSliceRest(value, first, line);
        }

        return ParseSliceRest(value, null, line);
    }

    private ItemExpression ParseIndexRest(Expression value, Expression first, int line)
    {
        var keys = new List<Expression> { first };
        while (SkipIf(TokenKind.Comma))
        {
            keys.Add(ParseExpression());
        }

        Expect(TokenKind.RightBracket, "]");
        return new ItemExpression(value, keys.Count == 1 ? first : new TupleExpression(keys, line), line);
    }

    private SliceExpression ParseSliceRest(Expression value, Expression? start, int line)
    {
        Next();
        Expression? stop = Current.Kind is TokenKind.Colon or TokenKind.RightBracket ? null : ParseExpression();
        Expression? step = SkipIf(TokenKind.Colon) && Current.Kind != TokenKind.RightBracket ? ParseExpression() : null;
        Expect(TokenKind.RightBracket, "]");
        return new SliceExpression(value, start, stop, step, line);
    }

    private ArgumentList ParseArguments(out int line)
    {
        line = Current.Line;
        var positional = new List<Expression>();
        var named = new List<(string Name, Expression Value)>();
        Expression? spread = null;
        Expression? namedSpread = null;
        Next();
        for (bool first = true; Current.Kind != TokenKind.RightParenthesis; first = false)
        {
            if (!first)
            {
                Expect(TokenKind.Comma, ",");
                if (Current.Kind == TokenKind.RightParenthesis)
                {
                    break;
                }
            }

            bool isValid;
            if (SkipIf(TokenKind.Multiply))
            {
                isValid = spread is null && namedSpread is null;
                spread = ParseExpression();
            }
            else if (SkipIf(TokenKind.Power))
            {
                isValid = namedSpread is null;
                namedSpread = ParseExpression();
            }
            else if (Current.Kind == TokenKind.Name && Ahead.Kind == TokenKind.Assign)
            {
                string name = Next().Text;
                Next();
                isValid = namedSpread is null && !named.Exists(n => n.Name == name);
                named.Add((name, ParseExpression()));
            }
            else
            {
                isValid = spread is null && namedSpread is null && named.Count == 0;
                positional.Add(ParseExpression());
            }

            if (!isValid)
            {
                throw Error("invalid syntax for function call expression", line);
            }
        }

        Next();
        return positional.Count + named.Count == 0 && spread is null && namedSpread is null
            ? ArgumentList.Empty
            : new ArgumentList(positional, named, spread, namedSpread);
    }

    private string ParseDottedName()
    {
        string name = Expect(TokenKind.Name, "name").Text;
        while (SkipIf(TokenKind.Dot))
        {
            name += "." + Expect(TokenKind.Name, "name").Text;
        }

        return name;
    }

    /// <summary>The name and arguments of a filter, after the bar.</summary>
    private FilterExpression ParseFilter(Expression? value)
    {
        int line = Current.Line;
        string name = ParseDottedName();
        ArgumentList arguments = Current.Kind == TokenKind.LeftParenthesis ? ParseArguments(out _) : ArgumentList.Empty;
        return new FilterExpression(value, name, arguments, line);
    }

    private Expression ParseTest(Expression value)
    {
        int line = Next().Line;
        bool isNegated = SkipIfName("not");
        string name = ParseDottedName();
        ArgumentList arguments = ArgumentList.Empty;
        if (Current.Kind == TokenKind.LeftParenthesis)
        {
            arguments = ParseArguments(out _);
        }
        else if (Current.Kind is TokenKind.Name or TokenKind.String or TokenKind.Integer or TokenKind.Float or TokenKind.LeftBracket or TokenKind.LeftBrace
            && !(Current.IsName("else") || Current.IsName("or") || Current.IsName("and")))
        {
            if (Current.IsName("is"))
            {
                throw Error("You cannot chain multiple tests with is");
            }

            // One argument may stand without parentheses.
            arguments = new ArgumentList([ParsePostfix(ParsePrimary())], [], null, null);
        }

        Expression test = new TestExpression(value, name, arguments, line);
        return isNegated ? new NotExpression(test, line) : test;
    }
}
