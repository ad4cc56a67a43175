using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The methods maketrans and translate of str.</summary>
internal static class TextTranslation
{
    private static readonly Signature TableSignature = new("maketrans", 1, "x", "y", "z") { IsPositionalOnly = true };

    public static JinjaDict MakeTable(Renderer renderer, CallArguments arguments)
    {
        Bound bound = TableSignature.Bind(arguments);
        var table = new JinjaDict();
        if (!bound.Has(1))
        {
            foreach (KeyValuePair<object?, object?> item in (bound[0] as JinjaDict ?? throw Errors.Type("if you give only one argument to maketrans it must be a dict")).Items)
            {
                table.Set(Markup.TextOf(item.Key) is { } key ? CodeOf(key) : item.Key, item.Value);
            }

            return table;
        }

        List<int> from = [.. CodePoints.Of(bound.Text(0))];
        List<int> to = [.. CodePoints.Of(bound.Text(1))];
        if (from.Count != to.Count)
        {
            throw Errors.Value("the first two maketrans arguments must have equal length");
        }

        renderer.ChargeItems(from.Count);
        for (int i = 0; i < from.Count; i++)
        {
            table.Set((long)from[i], (long)to[i]);
        }

        foreach (int removed in bound.Has(2) ? CodePoints.Of(bound.Text(2)) : [])
        {
            table.Set((long)removed, null);
        }

        return table;
    }

    public static string Translate(Renderer renderer, string text, object? table)
    {
        var result = new TemplateOutput(renderer);
        foreach (int c in CodePoints.Of(text))
        {
            renderer.Step();
            object? mapped = Lookup.Item(renderer, table, (long)c);
            if (mapped is not null)
            {
                result.Append(mapped is Undefined
                    ? CodePoints.ToText(c)
                    : Markup.TextOf(mapped) ?? (Integers.TryGet(mapped, out BigInteger code) && code.Sign >= 0 && code <= 0x10FFFF
                        ? CodePoints.ToText((int)code)
                        : throw Errors.Type("character mapping must return integer, None or str")));
            }
        }

        return result.ToString();
    }

    private static long CodeOf(string key) =>
        CodePoints.Length(key) == 1 ? CodePoints.At(key, 0) : throw Errors.Value("string keys in translate table must be of length 1");
}
