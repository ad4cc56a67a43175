using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

internal sealed class UnaryExpression(TokenKind op, Expression operand, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [operand];

    protected override object? Compute(Activation activation)
    {
        object? value = operand.Evaluate(activation);
        return op == TokenKind.Subtract ? Arithmetic.Negate(value) : Arithmetic.Plus(value);
    }
}

internal sealed class NotExpression(Expression operand, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [operand];

    protected override object? Compute(Activation activation) => !Operators.IsTrue(operand.Evaluate(activation));
}

internal sealed class BinaryExpression(TokenKind op, Expression left, Expression right, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [left, right];

    protected override object? Compute(Activation activation)
    {
        object? a = left.Evaluate(activation);
        object? b = right.Evaluate(activation);
        Renderer renderer = activation.Renderer;
        return op switch
        {
            TokenKind.Add => Arithmetic.Add(renderer, a, b),
            TokenKind.Subtract => Arithmetic.Subtract(a, b),
            TokenKind.Multiply => Arithmetic.Multiply(renderer, a, b),
            TokenKind.Divide => Arithmetic.Divide(a, b),
            TokenKind.FloorDivide => Arithmetic.FloorDivide(a, b),
            TokenKind.Modulo => Arithmetic.Modulo(renderer, a, b),
            _ => Arithmetic.Power(renderer, a, b),
        };
    }
}

/// <summary><c>and</c> and <c>or</c>: one of the operands is the value.</summary>
internal sealed class LogicalExpression(bool isAnd, Expression left, Expression right, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [left, right];

    protected override object? Compute(Activation activation)
    {
        object? value = left.Evaluate(activation);
        return Operators.IsTrue(value) == isAnd ? right.Evaluate(activation) : value;
    }
}

/// <summary>The <c>~</c> operator.</summary>
internal sealed class ConcatExpression(IReadOnlyList<Expression> parts, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => parts;

    protected override object? Compute(Activation activation)
    {
        Renderer renderer = activation.Renderer;
        object?[] values = ListExpression.ComputeItems(parts, activation);
        if (renderer.AutoEscape && Array.Exists(values, v => v is Markup))
        {
            return new Markup(renderer.Concat(values.Select(v => Markup.Escape(renderer, v).Text)));
        }

        return renderer.Concat(values.Select(v => Printing.Str(renderer, v)));
    }
}

/// <summary>A chain of comparisons: <c>a &lt; b in c</c> holds where each neighbouring pair does, and stops at the first that does not.</summary>
internal sealed class CompareExpression(Expression first, IReadOnlyList<(Comparison Comparison, Expression Operand)> rest, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => rest.Select(r => r.Operand).Prepend(first);

    protected override object? Compute(Activation activation)
    {
        object? left = first.Evaluate(activation);
        foreach ((Comparison comparison, Expression operand) in rest)
        {
            object? right = operand.Evaluate(activation);
            if (!Operators.Compare(activation.Renderer, comparison, left, right))
            {
                return false;
            }

            left = right;
        }

        return true;
    }
}
