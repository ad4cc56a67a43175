using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>Builds the syntax tree of a template from its tokens, by recursive descent.</summary>
internal sealed partial class Parser
{
    private readonly List<Token> _tokens;
    private readonly int _maxDepth;
    private int _index;
    private int _depth;

    private Parser(List<Token> tokens, int maxDepth)
    {
        _tokens = tokens;
        _maxDepth = maxDepth;
    }

    private Token Current => _tokens[_index];

    public static IReadOnlyList<Statement> Parse(string source, int maxDepth)
    {
        var parser = new Parser(Lexer.Tokenize(source), maxDepth);
        return parser.ParseBody([], out _);
    }

    /// <summary>Parses text and tags up to a tag that begins with one of <paramref name="ends"/> (none: the end of the template), whose name is consumed.</summary>
    private IReadOnlyList<Statement> ParseBody(ReadOnlySpan<string> ends, out string end)
    {
        Enter();
        var body = new List<Statement>();
        end = "";
        while (Current.Kind != TokenKind.End)
        {
            Token token = Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new TextStatement(token.Text, token.Line));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new OutputStatement(ParseTuple(), token.Line));
                    Expect(TokenKind.VariableEnd, "end of print statement");
                    break;
                default:
                    if (Current.Kind == TokenKind.Name && ends.Contains(Current.Text))
                    {
                        end = Next().Text;
                        Leave();
                        return body;
                    }

                    ParseStatement(body, ends);
                    Expect(TokenKind.BlockEnd, "end of statement block");
                    break;
            }
        }

        if (!ends.IsEmpty)
        {
            throw Error($"Unexpected end of template. It was looking for the following tags: '{string.Join("' or '", ends.ToArray())}'");
        }

        Leave();
        return body;
    }

    /// <summary>Parses the rest of an opening tag and the body up to the closing tag, whose name is consumed.</summary>
    private IReadOnlyList<Statement> ParseBlock(out string end, params ReadOnlySpan<string> ends)
    {
        SkipIf(TokenKind.Colon);
        Expect(TokenKind.BlockEnd, "end of statement block");
        return ParseBody(ends, out end);
    }

    private IReadOnlyList<Statement> ParseBlock(string end) => ParseBlock(out _, end);

    private Token Next()
    {
        Token token = Current;
        if (token.Kind != TokenKind.End)
        {
            _index++;
        }

        return token;
    }

    private Token Ahead => _tokens[Math.Min(_index + 1, _tokens.Count - 1)];

    private bool SkipIf(TokenKind kind)
    {
        if (Current.Kind != kind)
        {
            return false;
        }

        _index++;
        return true;
    }

    private bool SkipIfName(string name)
    {
        if (!Current.IsName(name))
        {
            return false;
        }

        _index++;
        return true;
    }

    private Token Expect(TokenKind kind, string description)
    {
        if (Current.Kind != kind)
        {
            throw Error(Current.Kind == TokenKind.End
                ? $"unexpected end of template, expected '{description}'"
                : $"expected token '{description}', got '{Current.Describe()}'");
        }

        return Next();
    }

    private Token ExpectName(string name) =>
        Current.IsName(name) ? Next() : throw Error($"expected token '{name}', got '{Current.Describe()}'");

    private TemplateSyntaxException Error(string message, int? line = null) => new(message, line ?? Current.Line);

    /// <summary>Bounds the depth of the tree: both by the limit and by the stack that is left.</summary>
    private void Enter()
    {
        if (++_depth > _maxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            ThrowTooDeep();
        }
    }

    private void Leave() => _depth--;

    [DoesNotReturn]
    private void ThrowTooDeep() => throw new TemplateLimitException(
        $"The template's syntax is nested deeper than {_maxDepth} levels at line {Current.Line}; {nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.MaxDepth)} raises the limit.");
}
