using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>How a statement ended.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>Something that writes text or changes variables.</summary>
internal abstract class Statement(int line) : Node(line)
{
    public static Flow ExecuteAll(IReadOnlyList<Statement> statements, Activation activation, TemplateOutput output)
    {
        for (int i = 0; i < statements.Count; i++)
        {
            Statement statement = statements[i];
            Flow flow;
            try
            {
                activation.Renderer.Step();
                flow = statement.Execute(activation, output);
            }
            catch (TemplateException e) when (e.AttachLine(statement.Line))
            {
                throw;
            }

            if (flow != Flow.Next)
            {
                return flow;
            }
        }

        return Flow.Next;
    }

    /// <summary>Executes statements into a text of their own. A break or continue in them leaves the block, and the text is lost.</summary>
    public static Flow Capture(IReadOnlyList<Statement> statements, Activation activation, out string text)
    {
        var output = new TemplateOutput(activation.Renderer);
        Flow flow = ExecuteAll(statements, activation, output);
        text = output.ToString();
        return flow;
    }

    public abstract Flow Execute(Activation activation, TemplateOutput output);
}

internal sealed class TextStatement(string text, int line) : Statement(line)
{
    public string Text { get; } = text;

    public override IEnumerable<Node> Children => [];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        output.Append(Text);
        return Flow.Next;
    }
}

internal sealed class OutputStatement(Expression value, int line) : Statement(line)
{
    public override IEnumerable<Node> Children => [value];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        output.AppendValue(value.Evaluate(activation));
        return Flow.Next;
    }
}

internal sealed class AssignStatement(AssignmentTarget target, Expression value, int line) : Statement(line)
{
    public AssignmentTarget Target { get; } = target;

    public Expression Value { get; } = value;

    /// <summary>Set by the binder for assignments at the top level, whose variables blocks can see.</summary>
    public bool IsExported { get; set; }

    public override IEnumerable<Node> Children => [Target, Value];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        foreach (NamespaceTarget target in Target.Namespaces)
        {
            target.RequireNamespace(activation);
        }

        Target.Assign(activation, Value.Evaluate(activation));
        if (IsExported)
        {
            activation.Renderer.Export(activation, Target);
        }

        return Flow.Next;
    }
}

/// <summary><c>{% set x %}...{% endset %}</c>.</summary>
internal sealed class AssignBlockStatement(AssignmentTarget target, FilterExpression? filter, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public AssignmentTarget Target { get; } = target;

    public FilterExpression? Filter { get; } = filter;

    public IReadOnlyList<Statement> Body { get; } = body;

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public bool IsExported { get; set; }

    public override IEnumerable<Node> Children => [Target, .. Filter is null ? Array.Empty<Node>() : [Filter], .. Body];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        Entry.Enter(activation);
        Flow flow = Capture(Body, activation, out string text);
        if (flow != Flow.Next)
        {
            return flow;
        }

        object? value = activation.Renderer.AsBlockText(text);
        if (Filter is not null)
        {
            value = activation.Renderer.AsBlockText(Filter.Apply(activation, value));
        }

        Target.Assign(activation, value);
        if (IsExported)
        {
            activation.Renderer.Export(activation, Target);
        }

        return Flow.Next;
    }
}
