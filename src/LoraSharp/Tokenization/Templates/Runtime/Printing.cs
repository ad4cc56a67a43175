using System.Globalization;
using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's str() and repr().</summary>
internal static class Printing
{
    public static string Str(Renderer renderer, object? value) => value switch
    {
        string text => text,
        Markup markup => markup.Text,
        Undefined => "",
        _ => Repr(renderer, value),
    };

    public static string Repr(Renderer renderer, object? value)
    {
        switch (value)
        {
            case null:
                return "None";
            case bool b:
                return b ? "True" : "False";
            case long or BigInteger:
                return Integers.Print(value);
            case double d:
                return Doubles.Repr(d);
            default:
                var text = new TemplateOutput(renderer);
                Write(renderer, text, value, []);
                return text.ToString();
        }
    }

    public static string QuoteText(string value)
    {
        char quote = value.Contains('\'') && !value.Contains('"') ? '"' : '\'';
        var text = new StringBuilder(value.Length + 2).Append(quote);
        foreach (int c in CodePoints.Of(value))
        {
            switch (c)
            {
                case '\n':
                    text.Append("\\n");
                    break;
                case '\r':
                    text.Append("\\r");
                    break;
                case '\t':
                    text.Append("\\t");
                    break;
                case '\\':
                    text.Append("\\\\");
                    break;
                case var q when q == quote:
                    text.Append('\\').Append(quote);
                    break;
                default:
                    _ = TextPredicates.IsPrintable(c)
                        ? text.Append(CodePoints.ToText(c))
                        : text.Append(CultureInfo.InvariantCulture, $"{(c <= 0xFF ? $"\\x{c:x2}" : c <= 0xFFFF ? $"\\u{c:x4}" : $"\\U{c:x8}")}");
                    break;
            }
        }

        return text.Append(quote).ToString();
    }

    private static void Write(Renderer renderer, TemplateOutput text, object? value, HashSet<Namespace> open)
    {
        renderer.Step();
        switch (value)
        {
            case string s:
                text.Append(QuoteText(s));
                break;
            case Markup markup:
                text.Append($"Markup({QuoteText(markup.Text)})");
                break;
            case JinjaList list:
                WriteItems(renderer, text, "[", list.Items, "]", open);
                break;
            case JinjaTuple tuple:
                WriteItems(renderer, text, "(", tuple.Items, tuple.Items.Count == 1 ? ",)" : ")", open);
                break;
            case JinjaDict dict:
                WriteDict(renderer, text, dict, open);
                break;
            case DictView view:
                text.Append(view.TypeName);
                WriteItems(renderer, text, "([", view.Items, "])", open);
                break;
            case JinjaRange range:
                text.Append(range.Step == 1 ? $"range({range.Start}, {range.Stop})" : $"range({range.Start}, {range.Stop}, {range.Step})");
                break;
            case JinjaBytes bytes:
                text.Append(QuoteBytes(bytes.Bytes));
                break;
            case Undefined:
                text.Append("Undefined");
                break;
            case Namespace space:
                WriteNamespace(renderer, text, space, open);
                break;
            case LoopContext or Macro:
                text.Append(value.ToString()!);
                break;
            case TemplateReference:
                text.Append("<TemplateReference None>");
                break;
            case Generator generator:
                text.Append($"<{generator.TypeName} object>");
                break;
            case Function function:
                text.Append($"<function {function.Name}>");
                break;
            case null or bool or long or BigInteger or double:
                text.Append(Repr(renderer, value));
                break;
            default:
                text.Append($"<{TypeNames.Of(value)} object>");
                break;
        }
    }

    private static void WriteItems(Renderer renderer, TemplateOutput text, string open, IEnumerable<object?> items, string close, HashSet<Namespace> outer)
    {
        text.Append(open);
        bool first = true;
        foreach (object? item in items)
        {
            text.Append(first ? "" : ", ");
            first = false;
            Write(renderer, text, item, outer);
        }

        text.Append(close);
    }

    private static void WriteDict(Renderer renderer, TemplateOutput text, JinjaDict dict, HashSet<Namespace> open)
    {
        text.Append("{");
        bool first = true;
        foreach (KeyValuePair<object?, object?> item in dict.Items)
        {
            text.Append(first ? "" : ", ");
            first = false;
            Write(renderer, text, item.Key, open);
            text.Append(": ");
            Write(renderer, text, item.Value, open);
        }

        text.Append("}");
    }

    /// <summary>A namespace is the only value that can hold itself.</summary>
    private static void WriteNamespace(Renderer renderer, TemplateOutput text, Namespace space, HashSet<Namespace> open)
    {
        text.Append("<Namespace ");
        if (open.Add(space))
        {
            WriteDict(renderer, text, space.Attributes, open);
            open.Remove(space);
        }
        else
        {
            text.Append("{...}");
        }

        text.Append(">");
    }

    private static string QuoteBytes(byte[] bytes)
    {
        char quote = bytes.Contains((byte)'\'') && !bytes.Contains((byte)'"') ? '"' : '\'';
        var text = new StringBuilder(bytes.Length + 3).Append('b').Append(quote);
        foreach (byte b in bytes)
        {
            _ = b switch
            {
                (byte)'\n' => text.Append("\\n"),
                (byte)'\r' => text.Append("\\r"),
                (byte)'\t' => text.Append("\\t"),
                (byte)'\\' => text.Append("\\\\"),
                _ when b == quote => text.Append('\\').Append(quote),
                >= 0x20 and < 0x7F => text.Append((char)b),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}"),
            };
        }

        return text.Append(quote).ToString();
    }
}
