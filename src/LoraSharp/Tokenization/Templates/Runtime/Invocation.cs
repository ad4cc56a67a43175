namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Calls.</summary>
internal static class Invocation
{
    public static object? Call(Renderer renderer, object? callee, CallArguments arguments)
    {
        switch (callee)
        {
            case Callable callable:
                renderer.EnterCall();
                object? value = callable.Call(renderer, arguments);
                renderer.LeaveCall();
                return value;
            case Undefined undefined:
                throw undefined.ToError();
            default:
                throw Errors.Type($"'{TypeNames.Of(callee)}' object is not callable");
        }
    }
}

/// <summary><c>**mapping</c> in a call.</summary>
internal static class Spreading
{
    public static void AddNamed(OrderedDictionary<string, object?> named, object? value)
    {
        if (value is not JinjaDict dict)
        {
            throw Errors.Type($"argument after ** must be a mapping, not {TypeNames.Of(value)}");
        }

        foreach (KeyValuePair<object?, object?> item in dict.Items)
        {
            string name = Markup.TextOf(item.Key) ?? throw Errors.Type("keywords must be strings");
            if (!named.TryAdd(name, item.Value))
            {
                throw Errors.Type($"got multiple values for keyword argument '{name}'");
            }
        }
    }
}
