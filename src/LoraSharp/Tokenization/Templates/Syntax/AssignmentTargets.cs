using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>What stands left of <c>=</c> or between <c>for</c> and <c>in</c>.</summary>
internal abstract class AssignmentTarget(int line) : Node(line)
{
    public abstract void Assign(Activation activation, object? value);

    /// <summary>All names that are assigned, for the binder.</summary>
    public virtual IEnumerable<NameTarget> Names => [];

    public virtual IEnumerable<NamespaceTarget> Namespaces => [];
}

internal sealed class NameTarget(string name, int line) : AssignmentTarget(line)
{
    public string Name { get; } = name;

    public VariableReference Variable { get; set; }

    public override IEnumerable<Node> Children => [];

    public override IEnumerable<NameTarget> Names => [this];

    public override void Assign(Activation activation, object? value) => Variable.Set(activation, value);
}

internal sealed class TupleTarget(IReadOnlyList<AssignmentTarget> items, int line) : AssignmentTarget(line)
{
    public override IEnumerable<Node> Children => items;

    public override IEnumerable<NameTarget> Names => items.SelectMany(i => i.Names);

    public override IEnumerable<NamespaceTarget> Namespaces => items.SelectMany(i => i.Namespaces);

    public override void Assign(Activation activation, object? value)
    {
        int index = 0;
        // One value too many is enough to know that the counts differ, however long the iterable is.
        var values = new object?[items.Count];
        foreach (object? item in Iteration.Of(activation.Renderer, value))
        {
            if (index == values.Length)
            {
                throw Errors.Value($"too many values to unpack (expected {values.Length})");
            }

            values[index++] = item;
        }

        if (index < values.Length)
        {
            throw Errors.Value($"not enough values to unpack (expected {values.Length}, got {index})");
        }

        for (int i = 0; i < values.Length; i++)
        {
            items[i].Assign(activation, values[i]);
        }
    }
}

/// <summary><c>namespace.attribute</c>.</summary>
internal sealed class NamespaceTarget(NameExpression target, string attribute, int line) : AssignmentTarget(line)
{
    public NameExpression Target { get; } = target;

    public override IEnumerable<Node> Children => [Target];

    public override IEnumerable<NamespaceTarget> Namespaces => [this];

    /// <summary>Is asked before the value is computed, as an assignment to something else is refused first.</summary>
    public void RequireNamespace(Activation activation)
    {
        if (Target.Evaluate(activation) is not Namespace)
        {
            throw new TemplateException("TemplateRuntimeError", $"cannot assign attribute on non-namespace object: '{Target.Name}' is not a namespace");
        }
    }

    public override void Assign(Activation activation, object? value) => ((Namespace)Target.Evaluate(activation)!).Set(attribute, value);
}
