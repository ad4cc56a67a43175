namespace LoraSharp.Tokenization.Templates.Runtime;

internal static partial class Filters
{
    private static void AddSelectionFilters(Dictionary<string, Func<Renderer, CallArguments, object?>> all)
    {
        Define(all, "attr", 2, ["obj", "name"], (_, a) => Lookup.AttributeOnly(a[0], a.Text(1)));
        all["map"] = (renderer, arguments) => Lazy(arguments, "map", value => Map(renderer, value, arguments.Skip(1)));
        all["select"] = (renderer, arguments) => Lazy(arguments, "select", value => Select(renderer, value, arguments.Skip(1), keeps: true, byAttribute: false));
        all["reject"] = (renderer, arguments) => Lazy(arguments, "reject", value => Select(renderer, value, arguments.Skip(1), keeps: false, byAttribute: false));
        all["selectattr"] = (renderer, arguments) => Lazy(arguments, "selectattr", value => Select(renderer, value, arguments.Skip(1), keeps: true, byAttribute: true));
        all["rejectattr"] = (renderer, arguments) => Lazy(arguments, "rejectattr", value => Select(renderer, value, arguments.Skip(1), keeps: false, byAttribute: true));
    }

    private static Generator Lazy(CallArguments arguments, string filter, Func<object?, IEnumerable<object?>> items) => arguments.Positional.Count == 0
        ? throw Errors.Type($"{filter}() missing required argument 'value'")
        : new Generator("generator", items(arguments.Positional[0]));

    private static IEnumerable<object?> Map(Renderer renderer, object? value, CallArguments arguments)
    {
        // Empty values are not even looked at, so that wrong arguments go unnoticed there.
        if (!Operators.IsTrue(value))
        {
            yield break;
        }

        Func<object?, object?> map = Mapping(renderer, arguments);
        foreach (object? item in Iteration.Of(renderer, value))
        {
            yield return map(item);
        }
    }

    private static Func<object?, object?> Mapping(Renderer renderer, CallArguments arguments)
    {
        if (arguments.Positional.Count == 0 && arguments.Named is { } named && named.TryGetValue("attribute", out object? attribute))
        {
            string? other = named.Keys.FirstOrDefault(k => k is not ("attribute" or "default"));
            return other is null
                ? Attributes.Getter(renderer, attribute, named.GetValueOrDefault("default"))
                : throw Errors.FilterArgument($"Unexpected keyword argument '{other}'");
        }

        if (arguments.Positional.Count == 0)
        {
            throw Errors.FilterArgument("map requires a filter argument");
        }

        string name = NameOf(renderer, arguments.Positional[0], "filter");
        CallArguments rest = arguments.Skip(1);
        return item => Call(renderer, name, new CallArguments([item, .. rest.Positional], rest.Named));
    }

    private static IEnumerable<object?> Select(Renderer renderer, object? value, CallArguments arguments, bool keeps, bool byAttribute)
    {
        if (!Operators.IsTrue(value))
        {
            yield break;
        }

        Func<object?, object?> attribute = item => item;
        if (byAttribute)
        {
            attribute = arguments.Positional.Count > 0
                ? Attributes.Getter(renderer, arguments.Positional[0])
                : throw Errors.FilterArgument("Missing parameter for attribute name");
            arguments = arguments.Skip(1);
        }

        string? test = arguments.Positional.Count > 0 ? NameOf(renderer, arguments.Positional[0], "test") : null;
        CallArguments rest = arguments.Skip(1);
        foreach (object? item in Iteration.Of(renderer, value))
        {
            object? tested = attribute(item);
            object? result = test is null ? tested : Tests.Call(renderer, test, new CallArguments([tested, .. rest.Positional], rest.Named));
            if (Operators.IsTrue(result) == keeps)
            {
                yield return item;
            }
        }
    }

    private static string NameOf(Renderer renderer, object? value, string kind) =>
        Markup.TextOf(value) ?? throw Errors.Runtime($"No {kind} named {Printing.Repr(renderer, value)}.");
}

/// <summary>Lookups by a path such as <c>function.name</c> or <c>0.key</c>.</summary>
internal static class Attributes
{
    public static Func<object?, object?> Getter(Renderer renderer, object? path, object? fallback = null)
    {
        object?[] parts = path switch
        {
            null => [],
            string or Markup => [.. Markup.TextOf(path)!.Split('.').Select(Part)],
            _ => [path],
        };
        return item =>
        {
            foreach (object? part in parts)
            {
                item = Lookup.Item(renderer, item, part);
                if (fallback is not null && item is Undefined)
                {
                    item = fallback;
                }
            }

            return item;
        };
    }

    private static object? Part(string part) => TextPredicates.All(part, TextPredicates.IsDigit) ? Integers.Parse(part, 10) ?? part : part;
}

/// <summary>Python's sum().</summary>
internal static class Summation
{
    /// <summary>A run of floats is summed with the rounding errors kept aside (Neumaier), as Python does since 3.12.</summary>
    public static object? Sum(Renderer renderer, IEnumerable<object?> items, object? start)
    {
        object? total = start;
        double compensation = 0;
        bool isCompensated = false;
        foreach (object? item in items)
        {
            if (total is double sum && item is double or long or bool)
            {
                Arithmetic.TryDouble(item, out double value);
                double next = sum + value;
                if (item is double)
                {
                    compensation += Math.Abs(sum) >= Math.Abs(value) ? sum - next + value : value - next + sum;
                    isCompensated = true;
                }

                total = next;
                continue;
            }

            total = Arithmetic.Add(renderer, Settle(total, compensation, isCompensated), item);
            compensation = 0;
            isCompensated = false;
        }

        return Settle(total, compensation, isCompensated);
    }

    private static object? Settle(object? total, double compensation, bool isCompensated) =>
        isCompensated && total is double sum && double.IsFinite(compensation) ? sum + compensation : total;
}
