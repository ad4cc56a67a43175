using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary><c>value.name</c>: the attribute or method first, then the key.</summary>
internal sealed class AttributeExpression(Expression target, string name, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [target];

    protected override object? Compute(Activation activation) => Lookup.Attribute(activation.Renderer, target.Evaluate(activation), name);
}

/// <summary><c>value[key]</c>: the key first, then the attribute.</summary>
internal sealed class ItemExpression(Expression target, Expression key, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [target, key];

    protected override object? Compute(Activation activation)
    {
        object? value = target.Evaluate(activation);
        return Lookup.Item(activation.Renderer, value, key.Evaluate(activation));
    }
}

/// <summary><c>value[start:stop:step]</c>.</summary>
internal sealed class SliceExpression(Expression target, Expression? start, Expression? stop, Expression? step, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => new[] { target, start, stop, step }.OfType<Node>();

    protected override object? Compute(Activation activation)
    {
        object? value = target.Evaluate(activation);
        if (target is ConstantExpression && value is not string)
        {
            // The reference implementation looks this up while it folds constants, where what has no items is undefined instead of an error.
            return new Undefined($"'{TypeNames.Of(value)}' object has no slices");
        }

        object? from = start?.Evaluate(activation);
        object? to = stop?.Evaluate(activation);
        return Slicing.Slice(activation.Renderer, value, from, to, step?.Evaluate(activation));
    }
}

/// <summary>The arguments as written: positional, named, <c>*list</c> and <c>**mapping</c>.</summary>
internal sealed record ArgumentList(
    IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named, Expression? Spread, Expression? NamedSpread)
{
    public static ArgumentList Empty { get; } = new([], [], null, null);

    public IEnumerable<Node> Nodes =>
        [.. Positional, .. Named.Select(n => n.Value), .. Spread is null ? Array.Empty<Node>() : [Spread], .. NamedSpread is null ? Array.Empty<Node>() : [NamedSpread]];

    /// <summary>Evaluates the arguments; <paramref name="leading"/> comes before them (the value that a filter or test is applied to).</summary>
    public CallArguments Evaluate(Activation activation, params ReadOnlySpan<object?> leading)
    {
        var positional = new List<object?>(leading.Length + Positional.Count);
        positional.AddRange(leading);
        foreach (Expression expression in Positional)
        {
            positional.Add(expression.Evaluate(activation));
        }

        if (Spread is not null)
        {
            positional.AddRange(Iteration.Of(activation.Renderer, Spread.Evaluate(activation)));
        }

        if (Named.Count == 0 && NamedSpread is null)
        {
            return new CallArguments(positional);
        }

        var named = new OrderedDictionary<string, object?>(StringComparer.Ordinal);
        foreach ((string name, Expression value) in Named)
        {
            named[name] = value.Evaluate(activation);
        }

        if (NamedSpread is not null)
        {
            Spreading.AddNamed(named, NamedSpread.Evaluate(activation));
        }

        return new CallArguments(positional, named);
    }
}

internal sealed class CallExpression(Expression target, ArgumentList arguments, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [target, .. arguments.Nodes];

    /// <summary>Calls with a further named argument, which is how a call block passes its body.</summary>
    public object? EvaluateWithCaller(Activation activation, Macro caller)
    {
        object? callee = target.Evaluate(activation);
        CallArguments values = arguments.Evaluate(activation).With("caller", caller);
        return Invocation.Call(activation.Renderer, callee, values);
    }

    protected override object? Compute(Activation activation)
    {
        object? callee = target.Evaluate(activation);
        return Invocation.Call(activation.Renderer, callee, arguments.Evaluate(activation));
    }
}

/// <summary><c>value | name(arguments)</c>. In a filter block the value is the block's text, not a node: then <paramref name="target"/> is null.</summary>
internal sealed class FilterExpression(Expression? target, string name, ArgumentList arguments, int line) : Expression(line)
{
    public string Name { get; } = name;

    public override IEnumerable<Node> Children => target is null ? arguments.Nodes : [target, .. arguments.Nodes];

    /// <summary>Applies a chain of filters of which the innermost has no operand to a text.</summary>
    public object? Apply(Activation activation, object? text)
    {
        object? value = target switch
        {
            null => text,
            FilterExpression inner => inner.Apply(activation, text),
            _ => target.Evaluate(activation),
        };
        return Filters.Call(activation.Renderer, Name, arguments.Evaluate(activation, value));
    }

    protected override object? Compute(Activation activation) => Apply(activation, null);
}

/// <summary><c>value is name(arguments)</c>.</summary>
internal sealed class TestExpression(Expression target, string name, ArgumentList arguments, int line) : Expression(line)
{
    public string Name { get; } = name;

    public override IEnumerable<Node> Children => [target, .. arguments.Nodes];

    protected override object? Compute(Activation activation)
    {
        object? value = target.Evaluate(activation);
        return Tests.Call(activation.Renderer, Name, arguments.Evaluate(activation, value));
    }
}
