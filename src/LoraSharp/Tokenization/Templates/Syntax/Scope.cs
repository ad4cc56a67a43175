using LoraSharp.Tokenization.Templates.Runtime;

namespace LoraSharp.Tokenization.Templates.Syntax;

/// <summary>How a variable of a scope gets its value when the scope is entered.</summary>
internal enum VariableLoad
{
    /// <summary>It is set by whoever enters the scope (arguments, loop variables).</summary>
    Parameter,

    /// <summary>It is looked up by name among the template's variables.</summary>
    Resolve,

    /// <summary>It starts as a copy of the variable of the same name around the scope.</summary>
    Alias,

    /// <summary>It is assigned before it is read: it starts without a value.</summary>
    None,
}

/// <summary>A variable of a scope.</summary>
internal sealed class Variable(FunctionLayout function)
{
    public FunctionLayout Function { get; } = function;

    public int Slot { get; } = function.AddSlot();

    public VariableLoad Load { get; set; }

    public Variable? Source { get; set; }
}

/// <summary>
/// The names of one scope (the template, a macro, a loop body, ...). What a name means is settled before anything runs, as in the reference
/// implementation: a name that a scope assigns anywhere belongs to that scope, wherever it is read there.
/// </summary>
internal sealed class Scope(Scope? parent, FunctionLayout function)
{
    private readonly Dictionary<string, Variable> _variables = new(StringComparer.Ordinal);

    public FunctionLayout Function { get; } = function;

    public HashSet<string> Stores { get; } = new(StringComparer.Ordinal);

    public Variable? Find(string name) => _variables.TryGetValue(name, out Variable? variable) ? variable : parent?.Find(name);

    public void Store(string name)
    {
        Stores.Add(name);
        if (!_variables.ContainsKey(name))
        {
            Variable? outer = parent?.Find(name);
            Define(name, outer is null ? VariableLoad.None : VariableLoad.Alias, outer);
        }
    }

    public void Read(string name)
    {
        if (Find(name) is null)
        {
            Define(name, VariableLoad.Resolve, null);
        }
    }

    public Variable Declare(string name)
    {
        Stores.Add(name);
        return Define(name, VariableLoad.Parameter, null);
    }

    /// <summary>A name that only some branches of a condition assign must have its outer value in the others.</summary>
    public void MergeBranches(IReadOnlySet<string> storedBefore)
    {
        foreach (string name in Stores)
        {
            if (!storedBefore.Contains(name))
            {
                Variable? outer = parent?.Find(name);
                Define(name, outer is null ? VariableLoad.Resolve : VariableLoad.Alias, outer);
            }
        }
    }

    public VariableReference Reference(Variable variable)
    {
        int depth = 0;
        for (FunctionLayout? f = Function; f != variable.Function; f = f!.Outer)
        {
            depth++;
        }

        return new VariableReference(depth, variable.Slot);
    }

    public ScopeEntry ToEntry() => new(
        [.. _variables.Where(v => v.Value.Load != VariableLoad.Parameter).Select(v => new ScopeEntry.Load(
            Reference(v.Value),
            v.Value.Load == VariableLoad.Resolve ? v.Key : null,
            v.Value.Source is null ? null : Reference(v.Value.Source)))]);

    /// <summary>All variables assigned here or around, innermost first, for a scoped block.</summary>
    public IEnumerable<(string Name, Variable Variable)> VisibleStores()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (Scope? scope = this; scope is not null; scope = scope.Parent)
        {
            foreach (string name in scope.Stores.Where(seen.Add))
            {
                yield return (name, Find(name)!);
            }
        }
    }

    private Scope? Parent => parent;

    private Variable Define(string name, VariableLoad load, Variable? source)
    {
        if (!_variables.TryGetValue(name, out Variable? variable))
        {
            variable = new Variable(Function);
            _variables.Add(name, variable);
        }

        variable.Load = load;
        variable.Source = source;
        return variable;
    }
}
