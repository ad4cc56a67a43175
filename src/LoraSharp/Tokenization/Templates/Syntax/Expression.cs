using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>Something that has a value.</summary>
internal abstract class Expression(int line) : Node(line)
{
    public object? Evaluate(Activation activation)
    {
        activation.Renderer.Step();
        return Compute(activation);
    }

    protected abstract object? Compute(Activation activation);
}

internal sealed class ConstantExpression(object? value, int line) : Expression(line)
{
    public object? Value { get; } = value;

    public override IEnumerable<Node> Children => [];

    protected override object? Compute(Activation activation) => Value;
}

internal sealed class NameExpression(string name, int line) : Expression(line)
{
    public string Name { get; } = name;

    /// <summary>Where the value lies; set by the <see cref="Binder"/>.</summary>
    public VariableReference Variable { get; set; }

    public override IEnumerable<Node> Children => [];

    protected override object? Compute(Activation activation)
    {
        object? value = Variable.Get(activation);
        return ReferenceEquals(value, Missing.Value) ? new Undefined($"'{Name}' is undefined") : value;
    }
}

internal sealed class TupleExpression(IReadOnlyList<Expression> items, int line) : Expression(line)
{
    public IReadOnlyList<Expression> Items { get; } = items;

    public override IEnumerable<Node> Children => Items;

    protected override object? Compute(Activation activation) => new JinjaTuple(ListExpression.ComputeItems(Items, activation));
}

internal sealed class ListExpression(IReadOnlyList<Expression> items, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => items;

    public static object?[] ComputeItems(IReadOnlyList<Expression> items, Activation activation)
    {
        var values = new object?[items.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = items[i].Evaluate(activation);
        }

        return values;
    }

    protected override object? Compute(Activation activation) => new JinjaList(ComputeItems(items, activation));
}

internal sealed class DictExpression(IReadOnlyList<(Expression Key, Expression Value)> items, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => items.SelectMany(item => new Node[] { item.Key, item.Value });

    protected override object? Compute(Activation activation)
    {
        // A mapping takes the memory of many lists.
        activation.Renderer.ChargeItems(16 + (4 * items.Count));
        var dict = new JinjaDict();
        foreach ((Expression key, Expression value) in items)
        {
            dict.Set(key.Evaluate(activation), value.Evaluate(activation));
        }

        return dict;
    }
}

internal sealed class ConditionalExpression(Expression test, Expression whenTrue, Expression? whenFalse, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => whenFalse is null ? [test, whenTrue] : [test, whenTrue, whenFalse];

    protected override object? Compute(Activation activation)
    {
        if (Operators.IsTrue(test.Evaluate(activation)))
        {
            return whenTrue.Evaluate(activation);
        }

        return whenFalse is not null
            ? whenFalse.Evaluate(activation)
            : new Undefined($"the inline if-expression on line {Line} evaluated to false and no else section was defined.");
    }
}
