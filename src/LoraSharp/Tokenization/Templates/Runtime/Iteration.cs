using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Walks over values.</summary>
internal static class Iteration
{
    public static bool IsIterable(object? value) =>
        value is string or Markup or JinjaSequence or JinjaDict or DictView or JinjaRange or JinjaBytes or Generator or Undefined or LoopContext;

    /// <summary>The items of a value; each takes a step.</summary>
    public static IEnumerable<object?> Of(Renderer renderer, object? value)
    {
        IEnumerable<object?> items = value switch
        {
            string text => CodePoints.Characters(text),
            Markup markup => CodePoints.Characters(markup.Text).Select(c => new Markup(c)),
            JinjaSequence sequence => sequence.Items,
            JinjaDict dict => dict.Keys,
            DictView view => view.Items,
            JinjaRange range => Enumerable.Range(0, range.Count).Select(range.At),
            JinjaBytes bytes => bytes.Bytes.Select(b => (object)(long)b),
            Generator generator => generator.Rest(),
            LoopContext loop => loop.Rest(),
            Undefined => [],
            _ => throw Errors.Type($"'{TypeNames.Of(value)}' object is not iterable"),
        };
        return Counted(renderer, items);
    }

    public static List<object?> ToList(Renderer renderer, object? value) => [.. Of(renderer, value)];

    /// <summary>A list, tuple, range or text from the back; null for what cannot be reversed.</summary>
    public static IEnumerable<object?>? Reversed(Renderer renderer, object? value) => value switch
    {
        JinjaSequence sequence => Counted(renderer, Enumerable.Range(1, sequence.Items.Count).Select(i => sequence.Items[sequence.Items.Count - i])),
        string or Markup or JinjaRange or JinjaDict or DictView or JinjaBytes => Enumerable.Reverse(ToList(renderer, value)),
        // It has a length of 0 and items by number, which is all that Python asks for.
        Undefined => [],
        _ => null,
    };

    private static IEnumerable<object?> Counted(Renderer renderer, IEnumerable<object?> items)
    {
        foreach (object? item in items)
        {
            renderer.Step();
            yield return item;
        }
    }
}
