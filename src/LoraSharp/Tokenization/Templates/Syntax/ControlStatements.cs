using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

internal sealed class IfStatement(IReadOnlyList<(Expression Test, IReadOnlyList<Statement> Body)> branches, IReadOnlyList<Statement> otherwise, int line)
    : Statement(line)
{
    public IReadOnlyList<(Expression Test, IReadOnlyList<Statement> Body)> Branches { get; } = branches;

    public IReadOnlyList<Statement> Otherwise { get; } = otherwise;

    public override IEnumerable<Node> Children => [.. Branches.SelectMany(b => b.Body.Prepend<Node>(b.Test)), .. Otherwise];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        foreach ((Expression test, IReadOnlyList<Statement> body) in Branches)
        {
            if (Operators.IsTrue(test.Evaluate(activation)))
            {
                return ExecuteAll(body, activation, output);
            }
        }

        return ExecuteAll(Otherwise, activation, output);
    }
}

internal sealed class BreakStatement(bool isContinue, int line) : Statement(line)
{
    public bool IsContinue { get; } = isContinue;

    public override IEnumerable<Node> Children => [];

    public override Flow Execute(Activation activation, TemplateOutput output) => IsContinue ? Flow.Continue : Flow.Break;
}

/// <summary><c>{% with a = 1 %}</c>.</summary>
internal sealed class WithStatement(IReadOnlyList<(AssignmentTarget Target, Expression Value)> assignments, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public IReadOnlyList<(AssignmentTarget Target, Expression Value)> Assignments { get; } = assignments;

    public IReadOnlyList<Statement> Body { get; } = body;

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public override IEnumerable<Node> Children => [.. Assignments.SelectMany(a => new Node[] { a.Target, a.Value }), .. Body];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        Entry.Enter(activation);
        foreach ((AssignmentTarget target, Expression value) in Assignments)
        {
            target.Assign(activation, value.Evaluate(activation));
        }

        return ExecuteAll(Body, activation, output);
    }
}

/// <summary><c>{% autoescape x %}</c>.</summary>
internal sealed class AutoEscapeStatement(Expression isOn, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public Expression IsOn { get; } = isOn;

    public IReadOnlyList<Statement> Body { get; } = body;

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public override IEnumerable<Node> Children => [IsOn, .. Body];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        Entry.Enter(activation);
        Renderer renderer = activation.Renderer;
        bool before = renderer.AutoEscape;
        renderer.AutoEscape = Operators.IsTrue(IsOn.Evaluate(activation));
        Flow flow = ExecuteAll(Body, activation, output);
        renderer.AutoEscape = before;
        return flow;
    }
}

/// <summary><c>{% filter name %}</c>.</summary>
internal sealed class FilterBlockStatement(FilterExpression filter, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public FilterExpression Filter { get; } = filter;

    public IReadOnlyList<Statement> Body { get; } = body;

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    public override IEnumerable<Node> Children => [.. Body, Filter];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        Entry.Enter(activation);
        Flow flow = Capture(Body, activation, out string text);
        if (flow == Flow.Next)
        {
            output.AppendValue(Filter.Apply(activation, activation.Renderer.AsBlockText(text)));
        }

        return flow;
    }
}

/// <summary><c>include</c>, <c>import</c>, <c>from</c> and <c>extends</c>: parsed, but there is nothing to load from.</summary>
internal sealed class LoadStatement(Expression template, IReadOnlyList<NameTarget> targets, bool isExtends, int line) : Statement(line)
{
    public IReadOnlyList<NameTarget> Targets { get; } = targets;

    public bool IsExtends { get; } = isExtends;

    public Expression Template { get; } = template;

    public override IEnumerable<Node> Children => [Template, .. Targets];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        Template.Evaluate(activation);
        throw Errors.Type("no loader for this environment specified: a chat template cannot load other templates");
    }
}

/// <summary><c>{% block name %}</c>: rendered in place, seeing only the variables of the top level (unless it is scoped).</summary>
internal sealed class BlockStatement(string name, bool isScoped, bool isRequired, IReadOnlyList<Statement> body, int line) : Statement(line)
{
    public string Name { get; } = name;

    public bool IsScoped { get; } = isScoped;

    public IReadOnlyList<Statement> Body { get; } = body;

    /// <summary>The body's own function; set by the binder.</summary>
    public FunctionLayout Layout { get; set; } = new(null);

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    /// <summary>The variables around a scoped block that it sees.</summary>
    public IReadOnlyList<(string Name, VariableReference Variable)> Captured { get; set; } = [];

    /// <summary>Where <c>self</c> and <c>super</c> lie, if the body uses them.</summary>
    public VariableReference? Self { get; set; }

    public VariableReference? Super { get; set; }

    public override IEnumerable<Node> Children => Body;

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        if (isRequired)
        {
            throw new TemplateException("TemplateRuntimeError", $"Required block '{Name}' not found");
        }

        Renderer renderer = activation.Renderer;
        IReadOnlyDictionary<string, object?>? before = renderer.ScopedVariables;
        if (IsScoped)
        {
            var scoped = new Dictionary<string, object?>(before ?? new Dictionary<string, object?>(), StringComparer.Ordinal);
            foreach ((string name, VariableReference variable) in Captured)
            {
                object? value = variable.Get(activation);
                if (!ReferenceEquals(value, Missing.Value))
                {
                    scoped[name] = value;
                }
            }

            renderer.ScopedVariables = scoped;
        }

        RenderBody(renderer, output);
        renderer.ScopedVariables = before;
        return Flow.Next;
    }

    public void RenderBody(Renderer renderer, TemplateOutput output)
    {
        renderer.EnterCall();
        var own = new Activation(renderer, Layout.SlotCount, null);
        Self?.Set(own, new TemplateReference());
        Super?.Set(own, new Undefined($"there is no parent block called '{Name}'."));
        Entry.Enter(own);
        ExecuteAll(Body, own, output);
        renderer.LeaveCall();
    }
}
