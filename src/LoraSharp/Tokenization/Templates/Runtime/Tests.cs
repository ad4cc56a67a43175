using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The tests by name (<c>value is name</c>).</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Func<Renderer, CallArguments, object?>> All = CreateAll();

    public static bool Exists(string name) => All.ContainsKey(name);

    public static object? Call(Renderer renderer, string name, CallArguments arguments)
    {
        renderer.Step();
        return All.TryGetValue(name, out Func<Renderer, CallArguments, object?>? test) ? test(renderer, arguments) : throw Errors.Runtime($"No test named '{name}' found.");
    }

    private static Dictionary<string, Func<Renderer, CallArguments, object?>> CreateAll()
    {
        var all = new Dictionary<string, Func<Renderer, CallArguments, object?>>(StringComparer.Ordinal);
        One(all, "defined", (_, v) => v is not Undefined);
        One(all, "undefined", (_, v) => v is Undefined);
        One(all, "none", (_, v) => v is null);
        One(all, "boolean", (_, v) => v is bool);
        One(all, "true", (_, v) => v is true);
        One(all, "false", (_, v) => v is false);
        One(all, "integer", (_, v) => v is long or BigInteger);
        One(all, "float", (_, v) => v is double);
        One(all, "number", (_, v) => v is long or BigInteger or double or bool);
        One(all, "string", (_, v) => v is string or Markup);
        One(all, "mapping", (_, v) => v is JinjaDict);
        One(all, "sequence", (_, v) => v is string or Markup or JinjaSequence or JinjaDict or JinjaRange or JinjaBytes or Undefined);
        One(all, "iterable", (_, v) => Iteration.IsIterable(v));
        // Python can call an undefined value, though only to be told that it is undefined.
        One(all, "callable", (_, v) => v is Callable or Undefined);
        One(all, "escaped", (_, v) => v is Markup);
        One(all, "lower", (renderer, v) => TextMethods.IsLower(Printing.Str(renderer, v)));
        One(all, "upper", (renderer, v) => TextMethods.IsUpper(Printing.Str(renderer, v)));
        One(all, "odd", (renderer, v) => Operators.AreEqual(Arithmetic.Modulo(renderer, v, 2L), 1L));
        One(all, "even", (renderer, v) => Operators.AreEqual(Arithmetic.Modulo(renderer, v, 2L), 0L));
        One(all, "filter", (_, v) => Markup.TextOf(v) is { } name && Filters.Exists(name));
        One(all, "test", (_, v) => Markup.TextOf(v) is { } name && Exists(name));
        Two(all, "divisibleby", (renderer, v, number) => Operators.AreEqual(Arithmetic.Modulo(renderer, v, number), 0L));
        Two(all, "sameas", (_, v, other) => IsSame(v, other));
        Two(all, "in", (renderer, v, container) => Operators.Contains(renderer, container, v));
        Compare(all, Comparison.Equal, "==", "eq", "equalto");
        Compare(all, Comparison.NotEqual, "!=", "ne");
        Compare(all, Comparison.Greater, ">", "gt", "greaterthan");
        Compare(all, Comparison.GreaterEqual, ">=", "ge");
        Compare(all, Comparison.Less, "<", "lt", "lessthan");
        Compare(all, Comparison.LessEqual, "<=", "le");
        return all;
    }

    private static void One(Dictionary<string, Func<Renderer, CallArguments, object?>> all, string name, Func<Renderer, object?, bool> test)
    {
        var signature = new Signature(name, 1, "value");
        all[name] = (renderer, arguments) => test(renderer, signature.Bind(arguments)[0]);
    }

    private static void Two(Dictionary<string, Func<Renderer, CallArguments, object?>> all, string name, Func<Renderer, object?, object?, bool> test)
    {
        var signature = new Signature(name, 2, "value", name == "divisibleby" ? "num" : name == "in" ? "seq" : "other");
        all[name] = (renderer, arguments) => signature.Bind(arguments) is var bound && test(renderer, bound[0], bound[1]);
    }

    private static void Compare(Dictionary<string, Func<Renderer, CallArguments, object?>> all, Comparison comparison, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            Two(all, name, (renderer, a, b) => Operators.Compare(renderer, comparison, a, b));
        }
    }

    /// <summary>Small values of equal type and content count as one object, which is what the reference's caches make of most of them.</summary>
    private static bool IsSame(object? a, object? b) => ReferenceEquals(a, b) || (a, b) switch
    {
        (bool x, bool y) => x == y,
        (long x, long y) => x == y,
        (string x, string y) => x == y,
        _ => false,
    };
}
