namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The object of <c>cycler()</c>.</summary>
internal sealed class Cycler(IReadOnlyList<object?> items)
{
    private int _position;

    public object? Attribute(string name) => name switch
    {
        "current" => items[_position],
        "pos" => (long)_position,
        "items" => new JinjaTuple(items),
        "next" => new Function("next", (_, _) => Next()),
        "reset" => new Function("reset", (_, _) => Reset()),
        _ => Missing.Value,
    };

    private object? Next()
    {
        object? current = items[_position];
        _position = (_position + 1) % items.Count;
        return current;
    }

    private object? Reset()
    {
        _position = 0;
        return null;
    }
}

/// <summary>The object of <c>joiner()</c>: nothing at the first call, the separator at all others.</summary>
internal sealed class Joiner(object? separator) : Callable
{
    private bool _used;

    public override object? Call(Renderer renderer, CallArguments arguments)
    {
        object? value = _used ? separator : "";
        _used = true;
        return value;
    }

    public object? Attribute(string name) => name switch
    {
        "sep" => separator,
        "used" => _used,
        _ => Missing.Value,
    };
}
