namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The filters by name.</summary>
internal static partial class Filters
{
    private static readonly Dictionary<string, Func<Renderer, CallArguments, object?>> All = CreateAll();

    public static bool Exists(string name) => All.ContainsKey(name);

    /// <summary>Calls a filter; the first positional argument is the value that it is applied to.</summary>
    public static object? Call(Renderer renderer, string name, CallArguments arguments) => All.TryGetValue(name, out Func<Renderer, CallArguments, object?>? filter)
        ? filter(renderer, arguments)
        : throw Errors.Runtime($"No filter named '{name}' found.");

    private static Dictionary<string, Func<Renderer, CallArguments, object?>> CreateAll()
    {
        var all = new Dictionary<string, Func<Renderer, CallArguments, object?>>(StringComparer.Ordinal);
        AddTextFilters(all);
        AddMarkupFilters(all);
        AddNumberFilters(all);
        AddSequenceFilters(all);
        AddSelectionFilters(all);
        return all;
    }

    private static void Define(
        Dictionary<string, Func<Renderer, CallArguments, object?>> all, string name, int required, string[] parameters, Func<Renderer, Bound, object?> body)
    {
        var signature = new Signature(name, required, parameters);
        all[name] = (renderer, arguments) => body(renderer, signature.Bind(arguments));
    }

    /// <summary>A text stays what it is, everything else is printed.</summary>
    private static object SoftText(Renderer renderer, object? value) => value is string or Markup ? value : Printing.Str(renderer, value);

    private static object? CallMethod(Renderer renderer, object text, string name, params object?[] arguments)
    {
        Method method = text is Markup ? TextMethods.FindForMarkup(name)! : TextMethods.Find(name)!;
        return method(renderer, text, new CallArguments(arguments));
    }

    private static object? FoldCase(object? value) => Markup.TextOf(value) is { } text ? Casing.Lower(text) : value;
}
