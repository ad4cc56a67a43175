namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>One run of a function of the template: its variables, and the run of the function around it.</summary>
internal sealed class Activation
{
    public Activation(Renderer renderer, int slotCount, Activation? outer)
    {
        Renderer = renderer;
        Slots = new object?[slotCount];
        Outer = outer;
        Array.Fill(Slots, Missing.Value);
    }

    public Renderer Renderer { get; }

    public object?[] Slots { get; }

    public Activation? Outer { get; }
}

/// <summary>The value of a variable that has none (yet), and of an argument that was not given.</summary>
internal sealed class Missing
{
    private Missing()
    {
    }

    public static Missing Value { get; } = new();
}

/// <summary>The variables of one function: the template, a macro, a block, a recursive loop.</summary>
internal sealed class FunctionLayout(FunctionLayout? outer)
{
    public FunctionLayout? Outer { get; } = outer;

    public int SlotCount { get; private set; }

    public int AddSlot() => SlotCount++;
}

/// <summary>Where a variable lies: so many functions outwards, in this slot.</summary>
internal readonly record struct VariableReference(int Depth, int Slot)
{
    public object? Get(Activation activation) => Owner(activation).Slots[Slot];

    public void Set(Activation activation, object? value) => Owner(activation).Slots[Slot] = value;

    private Activation Owner(Activation activation)
    {
        for (int i = Depth; i > 0; i--)
        {
            activation = activation.Outer!;
        }

        return activation;
    }
}

/// <summary>What happens to the variables of a scope when it is entered.</summary>
internal sealed class ScopeEntry(IReadOnlyList<ScopeEntry.Load> loads)
{
    public static ScopeEntry Empty { get; } = new([]);

    public void Enter(Activation activation)
    {
        for (int i = 0; i < loads.Count; i++)
        {
            Load load = loads[i];
            object? value = load switch
            {
                { Name: { } name } => activation.Renderer.Resolve(name),
                { Source: { } source } => source.Get(activation),
                _ => Missing.Value,
            };
            load.Target.Set(activation, value);
        }
    }

    /// <summary>A variable and its first value: a template variable's, another variable's, or none.</summary>
    public readonly record struct Load(VariableReference Target, string? Name, VariableReference? Source);
}
