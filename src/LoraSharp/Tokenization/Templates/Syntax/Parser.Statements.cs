namespace LoraSharp.Tokenization.Templates.Syntax;

internal sealed partial class Parser
{
    private void ParseStatement(List<Statement> body, ReadOnlySpan<string> ends)
    {
        Token tag = Current.Kind == TokenKind.Name ? Next() : throw Error("tag name expected");
        switch (tag.Text)
        {
            case "print":
                ParsePrint(body);
                break;
            case "set":
                body.Add(ParseSet(tag.Line));
                break;
            case "for":
                body.Add(ParseFor(tag.Line));
                break;
            case "if":
                body.Add(ParseIf(tag.Line));
                break;
            case "with":
                body.Add(ParseWith(tag.Line));
                break;
            case "macro":
                body.Add(ParseMacro(tag.Line));
                break;
            case "call":
                body.Add(ParseCallBlock(tag.Line));
                break;
            case "filter":
                FilterExpression filter = ParseFilter(null);
                while (SkipIf(TokenKind.Pipe))
                {
                    filter = ParseFilter(filter);
                }

                body.Add(new FilterBlockStatement(filter, ParseBlock("endfilter"), tag.Line));
                break;
            case "block":
                body.Add(ParseNamedBlock(tag.Line));
                break;
            case "autoescape":
                Expression isOn = ParseExpression();
                body.Add(new AutoEscapeStatement(isOn, ParseBlock("endautoescape"), tag.Line));
                break;
            case "generation":
                body.Add(new GenerationStatement(new MacroDefinition(null, [], [], ParseBlock("endgeneration")), tag.Line));
                break;
            case "break" or "continue":
                body.Add(new BreakStatement(tag.Text == "continue", tag.Line));
                break;
            case "include" or "extends" or "import" or "from":
                body.Add(ParseLoad(tag));
                break;
            default:
                throw Error($"Encountered unknown tag '{tag.Text}'." + (ends.IsEmpty ? "" : $" It was looking for '{string.Join("' or '", ends.ToArray())}'."), tag.Line);
        }
    }

    private void ParsePrint(List<Statement> body)
    {
        for (bool first = true; Current.Kind != TokenKind.BlockEnd; first = false)
        {
            if (!first)
            {
                Expect(TokenKind.Comma, ",");
            }

            int line = Current.Line;
            body.Add(new OutputStatement(ParseExpression(), line));
        }
    }

    private Statement ParseSet(int line)
    {
        AssignmentTarget target = ParseTarget(null, allowNamespace: true);
        if (SkipIf(TokenKind.Assign))
        {
            return new AssignStatement(target, ParseTuple(), line);
        }

        FilterExpression? filter = null;
        while (SkipIf(TokenKind.Pipe))
        {
            filter = ParseFilter(filter);
        }

        return new AssignBlockStatement(target, filter, ParseBlock("endset"), line);
    }

    private ForStatement ParseFor(int line)
    {
        AssignmentTarget target = ParseTarget("in", allowNamespace: false);
        ExpectName("in");
        Expression iterable = ParseTuple(withConditional: false, end: "recursive");
        Expression? test = SkipIfName("if") ? ParseExpression() : null;
        bool isRecursive = SkipIfName("recursive");
        IReadOnlyList<Statement> body = ParseBlock(out string end, "endfor", "else");
        IReadOnlyList<Statement> otherwise = end == "else" ? ParseBlock("endfor") : [];
        return new ForStatement(target, iterable, test, isRecursive, body, otherwise, line);
    }

    private IfStatement ParseIf(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        while (true)
        {
            Expression test = ParseTuple(withConditional: false);
            IReadOnlyList<Statement> body = ParseBlock(out string end, "elif", "else", "endif");
            branches.Add((test, body));
            if (end != "elif")
            {
                return new IfStatement(branches, end == "else" ? ParseBlock("endif") : [], line);
            }
        }
    }

    private WithStatement ParseWith(int line)
    {
        var assignments = new List<(AssignmentTarget, Expression)>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (assignments.Count > 0)
            {
                Expect(TokenKind.Comma, ",");
            }

            AssignmentTarget target = ParseTarget(null, allowNamespace: false);
            Expect(TokenKind.Assign, "=");
            assignments.Add((target, ParseExpression()));
        }

        return new WithStatement(assignments, ParseBlock("endwith"), line);
    }

    private MacroStatement ParseMacro(int line)
    {
        NameTarget name = ParseNameTarget();
        (List<NameTarget> parameters, List<Expression> defaults) = ParseSignature();
        return new MacroStatement(name, new MacroDefinition(name.Name, parameters, defaults, ParseBlock("endmacro")), line);
    }

    private CallBlockStatement ParseCallBlock(int line)
    {
        (List<NameTarget> parameters, List<Expression> defaults) = Current.Kind == TokenKind.LeftParenthesis ? ParseSignature() : ([], []);
        if (ParseExpression() is not CallExpression call)
        {
            throw Error("expected call", line);
        }

        return new CallBlockStatement(call, new MacroDefinition(null, parameters, defaults, ParseBlock("endcall")), line);
    }

    private (List<NameTarget> Parameters, List<Expression> Defaults) ParseSignature()
    {
        var parameters = new List<NameTarget>();
        var defaults = new List<Expression>();
        Expect(TokenKind.LeftParenthesis, "(");
        while (Current.Kind != TokenKind.RightParenthesis)
        {
            if (parameters.Count > 0)
            {
                Expect(TokenKind.Comma, ",");
            }

            NameTarget parameter = ParseNameTarget();
            if (parameters.Exists(p => p.Name == parameter.Name))
            {
                throw Error($"duplicate argument '{parameter.Name}'", parameter.Line);
            }

            if (SkipIf(TokenKind.Assign))
            {
                defaults.Add(ParseExpression());
            }
            else if (defaults.Count > 0)
            {
                throw Error("non-default argument follows default argument");
            }

            parameters.Add(parameter);
        }

        Next();
        return (parameters, defaults);
    }

    private BlockStatement ParseNamedBlock(int line)
    {
        string name = Expect(TokenKind.Name, "name").Text;
        bool isScoped = SkipIfName("scoped");
        bool isRequired = SkipIfName("required");
        if (Current.Kind == TokenKind.Subtract)
        {
            throw Error("Block names may not contain hyphens, use an underscore instead");
        }

        IReadOnlyList<Statement> body = ParseBlock("endblock");
        if (isRequired && body.Any(s => s is not TextStatement { Text: var text } || !string.IsNullOrWhiteSpace(text)))
        {
            throw Error("Required blocks can only contain comments or whitespace");
        }

        SkipIfName(name);
        return new BlockStatement(name, isScoped, isRequired, body, line);
    }

    private LoadStatement ParseLoad(Token tag)
    {
        Expression template = ParseExpression();
        var targets = new List<NameTarget>();
        if (tag.Text == "include" && Current.IsName("ignore") && Ahead.IsName("missing"))
        {
            _index += 2;
        }
        else if (tag.Text == "import")
        {
            ExpectName("as");
            targets.Add(ParseNameTarget());
        }
        else if (tag.Text == "from")
        {
            ParseImportedNames(targets);
        }

        if (tag.Text != "extends")
        {
            SkipContextClause();
        }

        return new LoadStatement(template, targets, tag.Text == "extends", tag.Line);
    }

    private void ParseImportedNames(List<NameTarget> targets)
    {
        ExpectName("import");
        do
        {
            if (SkipContextClause())
            {
                return;
            }

            NameTarget name = ParseNameTarget();
            if (name.Name.StartsWith('_'))
            {
                throw Error("names starting with an underline can not be imported", name.Line);
            }

            targets.Add(SkipIfName("as") ? ParseNameTarget() : name);
        }
        while (SkipIf(TokenKind.Comma));
    }

    private bool SkipContextClause()
    {
        bool isThere = (Current.IsName("with") || Current.IsName("without")) && Ahead.IsName("context");
        _index += isThere ? 2 : 0;
        return isThere;
    }

    private NameTarget ParseNameTarget() => (NameTarget)ToTarget(new NameExpression(Expect(TokenKind.Name, "name").Text, Current.Line));

    /// <summary>A name, a tuple of names, or (where allowed) an attribute of a namespace.</summary>
    private AssignmentTarget ParseTarget(string? end, bool allowNamespace)
    {
        int line = Current.Line;
        var items = new List<AssignmentTarget>();
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

            items.Add(ParseTargetItem(allowNamespace));
            if (Current.Kind != TokenKind.Comma)
            {
                // A single item without a comma is no tuple.
                return items.Count == 1 ? items[0] : new TupleTarget(items, line);
            }
        }

        return items.Count > 0 ? new TupleTarget(items, line) : throw Error($"Expected an expression, got '{Current.Describe()}'");
    }

    private AssignmentTarget ParseTargetItem(bool allowNamespace)
    {
        if (allowNamespace && Current.Kind == TokenKind.Name && Ahead.Kind == TokenKind.Dot)
        {
            Token name = Next();
            Next();
            return new NamespaceTarget(new NameExpression(name.Text, name.Line), Expect(TokenKind.Name, "name").Text, name.Line);
        }

        return ToTarget(ParsePrimary());
    }

    private AssignmentTarget ToTarget(Expression expression) => expression switch
    {
        NameExpression { Name: not ("true" or "false" or "none" or "True" or "False" or "None") } name => new NameTarget(name.Name, name.Line),
        TupleExpression tuple => new TupleTarget([.. tuple.Items.Select(ToTarget)], tuple.Line),
        ConstantExpression => throw Error("can't assign to 'const'", expression.Line),
        _ => throw Error("can't assign to an expression", expression.Line),
    };
}
