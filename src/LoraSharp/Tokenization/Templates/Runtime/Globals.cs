using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The functions that every template knows.</summary>
internal static class Globals
{
    private const int MaxRange = 100_000;

    private static readonly Signature RangeSignature = new("range", 1, "start", "stop", "step") { IsPositionalOnly = true };
    private static readonly Signature RaiseSignature = new("raise_exception", 1, "message");
    private static readonly Signature ClockSignature = new("strftime_now", 1, "format");
    private static readonly Signature JoinerSignature = new("joiner", 0, "sep");
    private static readonly Signature LipsumSignature = new("lipsum", 0, "n", "html", "min", "max");

    public static IReadOnlyDictionary<string, object?> All { get; } = new Dictionary<string, object?>(StringComparer.Ordinal)
    {
        ["raise_exception"] = new Function("raise_exception", (renderer, a) => throw new TemplateException(Printing.Str(renderer, RaiseSignature.Bind(a)[0]))),
        ["strftime_now"] = new Function("strftime_now", (renderer, a) => TimeFormat.Format(renderer, ClockSignature.Bind(a).Text(0))),
        ["range"] = new Function("range", (_, a) => Range(RangeSignature.Bind(a))),
        ["dict"] = new Function("dict", Dict),
        ["namespace"] = new Function("namespace", MakeNamespace),
        ["joiner"] = new Function("joiner", (_, a) => new Joiner(JoinerSignature.Bind(a).Or(0, ", "))),
        ["cycler"] = new Function("cycler", (_, a) => a.Positional.Count > 0 ? new Cycler(a.Positional) : throw new TemplateException("RuntimeError", "at least one item has to be provided")),
        ["lipsum"] = new Function("lipsum", Lipsum),
    };

    private static JinjaRange Range(Bound a)
    {
        BigInteger start = a.Has(1) ? a.Integer(0) : 0;
        BigInteger stop = a.Integer(a.Has(1) ? 1 : 0);
        BigInteger step = a.Has(2) ? a.Integer(2) : 1;
        if (step.IsZero)
        {
            throw Errors.Value("range() arg 3 must not be zero");
        }

        BigInteger distance = step.Sign > 0 ? stop - start : start - stop;
        BigInteger count = distance.Sign <= 0 ? 0 : ((distance - 1) / BigInteger.Abs(step)) + 1;
        if (count > MaxRange)
        {
            throw Errors.Overflow($"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MaxRange}).");
        }

        return new JinjaRange(ToLong(start), ToLong(stop), ToLong(step), (int)count);
    }

    /// <summary>Ranges beyond what a template could mean are kept to 62 bits, so that their arithmetic stays exact.</summary>
    private static long ToLong(BigInteger value) => BigInteger.Abs(value) < (BigInteger.One << 62) ? (long)value : throw Errors.Overflow("a bound of range() is too large");

    private static object? Dict(Renderer renderer, CallArguments arguments)
    {
        if (arguments.Positional.Count > 1)
        {
            throw Errors.Type($"dict expected at most 1 argument, got {arguments.Positional.Count}");
        }

        var dict = new JinjaDict();
        if (arguments.Positional is [JinjaDict source])
        {
            renderer.ChargeItems(source.Count);
            dict.SetAll(source);
        }
        else if (arguments.Positional is [var pairs])
        {
            foreach (object? pair in Iteration.Of(renderer, pairs))
            {
                List<object?> parts = Iteration.ToList(renderer, pair);
                dict.Set(parts.Count == 2 ? parts[0] : throw Errors.Value($"dictionary update sequence element has length {parts.Count}; 2 is required"), parts[1]);
            }
        }

        foreach ((string name, object? value) in arguments.Named ?? [])
        {
            dict.Set(name, value);
        }

        return dict;
    }

    private static object? MakeNamespace(Renderer renderer, CallArguments arguments)
    {
        var attributes = (JinjaDict)Dict(renderer, arguments)!;
        foreach (object? name in attributes.Keys)
        {
            Namespace.RequirePublic(name);
        }

        return new Namespace(attributes);
    }

    private static object? Lipsum(Renderer renderer, CallArguments arguments)
    {
        Bound a = LipsumSignature.Bind(arguments);
        string text = LoremIpsum.Generate(renderer, a.Count(0, 5), a.IsTrue(1, true), a.Count(2, 20), a.Count(3, 100));
        return a.IsTrue(1, true) ? new Markup(text) : text;
    }
}
