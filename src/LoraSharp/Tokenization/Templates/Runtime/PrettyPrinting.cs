using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The filter pprint: a repr with sorted keys that goes over several lines where one of 80 characters is too short.</summary>
internal static class PrettyPrinting
{
    private const int Width = 80;

    public static string Format(Renderer renderer, object? value)
    {
        var text = new TemplateOutput(renderer);
        Write(renderer, text, value, 0, 0);
        return text.ToString();
    }

    private static void Write(Renderer renderer, TemplateOutput text, object? value, int indent, int allowance)
    {
        renderer.Step();
        object? sorted = Sorted(renderer, value);
        string line = Printing.Repr(renderer, sorted);
        if (CodePoints.Length(line) <= Width - indent - allowance)
        {
            text.Append(line);
            return;
        }

        switch (sorted)
        {
            case JinjaDict { Count: > 0 } dict:
                WriteItems(renderer, text, "{", [.. dict.Items], "}", indent, allowance, (item, at, extra) =>
                {
                    string key = Printing.Repr(renderer, item.Key);
                    text.Append(key + ": ");
                    Write(renderer, text, item.Value, at + CodePoints.Length(key) + 2, extra);
                });
                break;
            case JinjaSequence { Items.Count: > 0 } sequence:
                bool isList = sequence is JinjaList;
                string close = isList ? "]" : sequence.Items.Count == 1 ? ",)" : ")";
                WriteItems(renderer, text, isList ? "[" : "(", sequence.Items, close, indent, allowance, (item, at, extra) => Write(renderer, text, item, at, extra));
                break;
            default:
                text.Append(line);
                break;
        }
    }

    private static void WriteItems<T>(
        Renderer renderer, TemplateOutput text, string open, IReadOnlyList<T> items, string close, int indent, int allowance, Action<T, int, int> write)
    {
        text.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            renderer.ChargeText(indent);
            text.Append(i > 0 ? ",\n" + new string(' ', indent + 1) : "");
            write(items[i], indent + 1, i < items.Count - 1 ? 1 : allowance + close.Length);
        }

        text.Append(close);
    }

    /// <summary>A copy whose mappings are in the order of their keys.</summary>
    private static object? Sorted(Renderer renderer, object? value)
    {
        renderer.Step();
        switch (value)
        {
            case JinjaDict dict:
                renderer.ChargeItems(16 + (4 * dict.Count));
                var sorted = new JinjaDict();
                foreach (KeyValuePair<object?, object?> item in Sorting.Sort(renderer, dict.Items, i => OrderOf(renderer, i.Key), false))
                {
                    sorted.Set(item.Key, Sorted(renderer, item.Value));
                }

                return sorted;
            case JinjaList list:
                return new JinjaList([.. list.Items.Select(i => Sorted(renderer, i))]);
            case JinjaTuple tuple:
                return new JinjaTuple([.. tuple.Items.Select(i => Sorted(renderer, i))]);
            default:
                return value;
        }
    }

    /// <summary>Keys of different types are ordered by the names of their types.</summary>
    private static JinjaTuple OrderOf(Renderer renderer, object? key) => key is bool or long or double or BigInteger or string
        ? new JinjaTuple([key is string ? "str" : "number", key])
        : new JinjaTuple([TypeNames.Of(key), Printing.Repr(renderer, key)]);
}
