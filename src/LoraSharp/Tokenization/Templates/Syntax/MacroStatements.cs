using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>A function of the template: parameters, defaults and a body that becomes a text.</summary>
internal sealed class MacroDefinition(string? name, IReadOnlyList<NameTarget> parameters, IReadOnlyList<Expression> defaults, IReadOnlyList<Statement> body)
{
    public string? Name { get; } = name;

    public IReadOnlyList<NameTarget> Parameters { get; } = parameters;

    /// <summary>Defaults of the last parameters.</summary>
    public IReadOnlyList<Expression> Defaults { get; } = defaults;

    public IReadOnlyList<Statement> Body { get; } = body;

    public FunctionLayout Layout { get; set; } = new(null);

    public ScopeEntry Entry { get; set; } = ScopeEntry.Empty;

    /// <summary>Where the special variables lie that the body uses without declaring them; null where it does not.</summary>
    public VariableReference? Caller { get; set; }

    public VariableReference? Keywords { get; set; }

    public VariableReference? Varargs { get; set; }

    public IEnumerable<Node> Nodes => [.. Parameters, .. Defaults, .. Body];

    public object? Invoke(Activation outer, ReadOnlySpan<object?> values, object? caller, JinjaDict? keywords, JinjaTuple? varargs)
    {
        Renderer renderer = outer.Renderer;
        renderer.EnterCall();
        var own = new Activation(renderer, Layout.SlotCount, outer);
        for (int i = 0; i < Parameters.Count; i++)
        {
            Parameters[i].Assign(own, values[i]);
        }

        Caller?.Set(own, caller);
        Keywords?.Set(own, keywords);
        Varargs?.Set(own, varargs);
        Entry.Enter(own);
        for (int i = 0; i < Parameters.Count; i++)
        {
            if (ReferenceEquals(values[i], Missing.Value))
            {
                int fromEnd = i - Parameters.Count + Defaults.Count;
                Parameters[i].Assign(own, fromEnd >= 0 ? Defaults[fromEnd].Evaluate(own) : new Undefined($"parameter '{Parameters[i].Name}' was not provided"));
            }
        }

        Statement.Capture(Body, own, out string text);
        renderer.LeaveCall();
        return text;
    }
}

internal sealed class MacroStatement(NameTarget target, MacroDefinition definition, int line) : Statement(line)
{
    public NameTarget Target { get; } = target;

    public MacroDefinition Definition { get; } = definition;

    public bool IsExported { get; set; }

    public override IEnumerable<Node> Children => Definition.Nodes;

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        Target.Assign(activation, new Macro(Definition, activation));
        if (IsExported)
        {
            activation.Renderer.Export(activation, Target);
        }

        return Flow.Next;
    }
}

/// <summary><c>{% call f() %}</c>: the body is passed to the called macro as <c>caller</c>.</summary>
internal sealed class CallBlockStatement(CallExpression call, MacroDefinition caller, int line) : Statement(line)
{
    public CallExpression Call { get; } = call;

    public MacroDefinition Caller { get; } = caller;

    public override IEnumerable<Node> Children => [Call, .. Caller.Nodes];

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        output.AppendValue(Call.EvaluateWithCaller(activation, new Macro(Caller, activation)));
        return Flow.Next;
    }
}

/// <summary><c>{% generation %}</c>: renders its body in place (in a scope of its own) and notes the span that it takes.</summary>
internal sealed class GenerationStatement(MacroDefinition body, int line) : Statement(line)
{
    public MacroDefinition Body { get; } = body;

    public override IEnumerable<Node> Children => Body.Nodes;

    public override Flow Execute(Activation activation, TemplateOutput output)
    {
        object? text = new Macro(Body, activation).Call(activation.Renderer, CallArguments.None);
        activation.Renderer.AddGeneration(text);
        output.AppendValue(text);
        return Flow.Next;
    }
}
