using LoraSharp.Tokenization.Templates.Syntax;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>A macro (or the body of a call block) with the variables around it.</summary>
internal sealed class Macro(MacroDefinition definition, Activation outer) : Callable
{
    public override object? Call(Renderer renderer, CallArguments arguments)
    {
        IReadOnlyList<NameTarget> parameters = definition.Parameters;
        var values = new object?[parameters.Count];
        int given = Math.Min(values.Length, arguments.Positional.Count);
        for (int i = 0; i < given; i++)
        {
            values[i] = arguments.Positional[i];
        }

        var named = arguments.Named is null ? [] : new OrderedDictionary<string, object?>(arguments.Named, StringComparer.Ordinal);
        for (int i = given; i < values.Length; i++)
        {
            values[i] = named.Remove(parameters[i].Name, out object? value) ? value : Missing.Value;
        }

        object? caller = null;
        if (definition.Caller is not null)
        {
            caller = named.Remove("caller", out object? body) && body is not null ? body : new Undefined("No caller defined");
        }

        if (definition.Keywords is null && named.Count > 0)
        {
            throw Errors.Type(named.ContainsKey("caller")
                ? $"macro '{definition.Name}' was invoked with two values for the special caller argument. This is most likely a bug."
                : $"macro '{definition.Name}' takes no keyword argument '{named.GetAt(0).Key}'");
        }

        if (definition.Varargs is null && arguments.Positional.Count > values.Length)
        {
            throw Errors.Type($"macro '{definition.Name}' takes not more than {values.Length} argument(s)");
        }

        JinjaTuple varargs = arguments.Positional.Count > values.Length ? new JinjaTuple([.. arguments.Positional.Skip(values.Length)]) : JinjaTuple.Empty;
        return renderer.AsBlockText(definition.Invoke(outer, values, caller, JinjaDict.Of(named), varargs));
    }

    public object? Attribute(string name) => name switch
    {
        "name" => definition.Name,
        "arguments" => new JinjaTuple([.. definition.Parameters.Select(p => p.Name)]),
        "caller" => definition.Caller is not null,
        "catch_kwargs" => definition.Keywords is not null,
        "catch_varargs" => definition.Varargs is not null,
        "explicit_caller" => definition.Parameters.Any(p => p.Name == "caller"),
        _ => Missing.Value,
    };

    public override string ToString() => definition.Name is null ? "<Macro anonymous>" : $"<Macro '{definition.Name}'>";
}
